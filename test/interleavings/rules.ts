import type { StoreName } from './stores.ts';

interface Edit {
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly put: string;
}

/** A rule of the code that keeps data, and the code without it. */
export interface Rule {
  readonly says: string;
  readonly edits: readonly Edit[];
  /** Where it is a rule of one store. */
  readonly store?: StoreName;
}

const MARKER = 'lib/bank/collect/live-marker.ts';
const READER_PIN = 'lib/bank/register/reader-pin.ts';
const ANCESTOR = 'lib/bank/register/ancestor.ts';
const RECORD = 'lib/bank/register/record.ts';
const CLAIM = 'lib/bank/register/claim.ts';
const SERIES = 'lib/bank/register/series.ts';
/** On such a store no bank is made. */
const WITHOUT_PROBE: Edit = {
  file: 'lib/bank/create-bank.ts',
  find: '  await provePutIfAbsent(places.register);\n',
  put: '',
};

/**
 * The rules of the real code, by the names of test/model/rules.ts where the model has them. Without any one of them the interleavings must
 * find that something is lost: rules-campaign.ts shows after how many seeds.
 */
export const rules: Readonly<Record<string, Rule>> = {
  pinFirst: {
    says: "A writer's record pins the ancestor, so that a collector keeps what it names.",
    edits: [
      {
        file: MARKER,
        find: "  if (record.state !== 'OPEN') return [];",
        put: '  if (1) return [];',
      },
    ],
  },
  readAncestorAgain: {
    says: "The ancestor's record is read again after the pin was written.",
    edits: [
      {
        file: ANCESTOR,
        find: '(await isBuildable(register, pinned, options))',
        put: '(await Promise.resolve(true))',
      },
    ],
  },
  sameRoot: {
    says: 'An ancestor is used only with the root that was pinned.',
    edits: [
      {
        file: ANCESTOR,
        find: 'head.value.root.key === root.key &&\n    head.value.root.digest === root.digest',
        put: 'root.key.length > 0',
      },
    ],
  },
  confirmedPinsStay: {
    says: 'A confirmed pin is not exchanged, whatever another worker of the execution finds.',
    edits: [
      {
        file: ANCESTOR,
        find: 'if (standing?.root.key !== pinned.root.key || standing.confirmed) return undefined;',
        put: 'if (standing === undefined) return undefined;',
      },
    ],
  },
  commitFromOpen: {
    says: 'A commit is a compare-and-set from OPEN: what was fenced stays fenced.',
    edits: [
      {
        file: 'lib/bank/register/commit-checkpoint.ts',
        find: "current.value.state !== 'OPEN') return undefined;",
        put: "!['OPEN', 'ABORTED'].includes(current.value.state)) return undefined;",
      },
      { file: RECORD, find: '  ABORTED: [],', put: "  ABORTED: ['COMMITTED']," },
      {
        file: 'lib/bank/register/lease.ts',
        find: "if (head.kind === 'live' && head.value.state === 'OPEN') return head.value;",
        put: "if (head.kind === 'live') return { pins: [], lease: newLease({ clock: { now: () => Date.UTC(2030, 0) } } as unknown as Register, 3600), ...head.value } as unknown as OpenRecord;",
      },
      {
        file: 'lib/bank/register/prune-checkpoint.ts',
        find: 'transitions[head.value.state].length === 0',
        put: "['ABORTED', 'COLLECTING'].includes(head.value.state)",
      },
    ],
  },
  undeleteInTime: {
    says: 'What is being collected cannot be brought back.',
    edits: [
      {
        file: 'lib/bank/register/prune-checkpoint.ts',
        find: "return record?.state === 'DELETING'\n        ? { ...carriedWithRoot(record), state: 'COMMITTED' }",
        put: "return record?.state === 'DELETING' || record?.state === 'COLLECTING'\n        ? { ...carriedWithRoot(record), state: 'COMMITTED' }",
      },
      {
        file: 'lib/bank/register/prune-checkpoint.ts',
        find: 'transitions[head.value.state].length === 0',
        put: "['ABORTED', 'COLLECTING'].includes(head.value.state)",
      },
      { file: RECORD, find: '  COLLECTING: [],', put: "  COLLECTING: ['COMMITTED']," },
    ],
  },
  tombstones: {
    says: 'A removed record can never be written again.',
    edits: [
      {
        file: SERIES,
        find: '      await series.store.putIfAbsent(tombstone, new Uint8Array(), options);\n',
        put: '',
      },
    ],
  },
  tombstoneRead: {
    says: 'Whoever wrote a generation looks for the tombstone after that.',
    edits: [
      {
        file: SERIES,
        find: 'if (created) return !(await isBuried(series, options));',
        put: 'if (created) return true;',
      },
    ],
  },
  writeIdCompared: {
    says: 'Who finds a generation written, or whose answer was lost, reads whether it is their own.',
    edits: [
      {
        file: SERIES,
        find: "return head.kind === 'live' && head.value.writeId === value.writeId;",
        put: "return head.kind === 'live';",
      },
    ],
  },
  ownPrefix: {
    says: 'What an open checkpoint wrote is live.',
    edits: [
      {
        file: MARKER,
        find: "    if (record.state === 'OPEN') objects.keepAllOf(checkpoint);\n",
        put: '',
      },
    ],
  },
  pinningRecordReadAgain: {
    says: 'Where a pinned root is missing, the record that pinned it is read again: it may have been committed since.',
    edits: [
      {
        file: MARKER,
        find: '        await this.#judge(checkpoint, now);\n        return;',
        put: '        continue;',
      },
    ],
  },
  deletingIsLive: {
    says: 'What a DELETING checkpoint names is live.',
    edits: [
      {
        file: MARKER,
        find: '  if (isRooted(record)) return [{ root: record.root, mustExist: true }];',
        put: "  if (record.state === 'DELETING') return [];\n  if (isRooted(record)) return [{ root: record.root, mustExist: true }];",
      },
    ],
  },
  undeleteWindow: {
    says: 'A DELETING checkpoint is taken up only as it was seen: one that was brought back meanwhile stays.',
    edits: [
      {
        file: 'lib/bank/register/prune-checkpoint.ts',
        find: "current.value.state === 'DELETING' &&\n      current.value.writeId === seen.writeId",
        put: "['DELETING', 'COMMITTED'].includes(current.value.state)",
      },
      {
        file: RECORD,
        find: "COMMITTED: ['COMMITTED', 'DELETING'],",
        put: "COMMITTED: ['COMMITTED', 'DELETING', 'COLLECTING'],",
      },
    ],
  },
  listFirst: {
    says: 'Only what was listed before the passes is deleted.',
    edits: [
      {
        file: 'lib/bank/collect/listed-objects.ts',
        find: 'return of !== undefined && !of.isKept && this.keys.get(key)?.isMarked === false;',
        put: 'return of?.isKept !== true && this.keys.get(key)?.isMarked !== true;',
      },
    ],
  },
  twoPasses: {
    says: 'Only what was dead before pass B began is dead.',
    edits: [
      {
        file: MARKER,
        find: '    if (dead.has(checkpoint)) return;\n',
        put: "    if (dead.has(checkpoint) || (head.kind === 'live' && isOver(head.value))) return;\n",
      },
    ],
  },
  stopAtNewGraves: {
    says: 'A collector that sees a record removed by another one since pass A gives up.',
    edits: [
      {
        file: MARKER,
        find: "if (head.kind === 'buried' && !oldGraves.has(checkpoint)) {",
        put: "if (head.kind === 'buried' && oldGraves.has('')) {",
      },
    ],
  },
  stopAtMissingRoots: {
    says: 'A collector that finds no root for a record that is COLLECTING only in pass B gives up.',
    edits: [
      {
        file: MARKER,
        find: "      if (record.state === 'COLLECTING') throw overtaken(checkpoint, 'removed');",
        put: "      if (record.state === 'COLLECTING') continue;",
      },
    ],
  },
  stopAtReplacedRoots: {
    says: "A collector that sees a compaction's root that it did not see in pass A gives up.",
    edits: [
      {
        file: MARKER,
        find: 'if (compacted !== undefined && !seenRoots.has(compacted.key)) {',
        put: "if (compacted !== undefined && seenRoots.has('')) {",
      },
    ],
  },
  readerPins: {
    says: "What readers' pins name is live.",
    edits: [
      {
        file: MARKER,
        find: 'const isThere = await this.#markNamed(pin.root, { isHeld: true });',
        put: "const isThere = pin.id === '';",
      },
    ],
  },
  readerReadsAgain: {
    says: "A reader reads the checkpoint's record again after its pin was written.",
    edits: [
      {
        file: READER_PIN,
        find: 'record = await readReadable(register, checkpoint, options).catch(',
        put: 'record = await Promise.resolve({ ...record, root: pin.root }).catch(',
      },
    ],
  },
  claimChecked: {
    says: 'A compaction replaces a root only while its claim stands.',
    edits: [
      {
        file: CLAIM,
        find: 'return record?.claim?.id === id\n        ? {',
        put: 'return record !== undefined\n        ? {',
      },
      {
        file: 'lib/collect/compact-group.ts',
        find: '    if (!(await renewClaim(this.#register, checkpoint, { id: claim, signal }))) return false;\n',
        put: '',
      },
    ],
  },
  claimEndsByPrune: {
    says: 'A claim goes when the checkpoint is pruned or its root replaced: a change of the record never carries it on.',
    edits: [
      {
        file: 'lib/bank/register/records.ts',
        find: '    ...(compacted === undefined ? {} : { compacted }),',
        put: "    ...(compacted === undefined ? {} : { compacted }),\n    ...('claim' in record && record.claim !== undefined ? { claim: record.claim } : {}),",
      },
      {
        file: RECORD,
        find: "z.strictObject({ ...rooted, state: z.literal('DELETING') })",
        put: "z.strictObject({ ...rooted, state: z.literal('DELETING'), claim: Claim.exactOptional() })",
      },
      {
        file: RECORD,
        find: "z.strictObject({ ...rooted, state: z.literal('COLLECTING') })",
        put: "z.strictObject({ ...rooted, state: z.literal('COLLECTING'), claim: Claim.exactOptional() })",
      },
    ],
  },
  claimPrefix: {
    says: 'What a compaction wrote, for any of its checkpoints, is live while one of its claims stands.',
    edits: [{ file: MARKER, find: '      objects.keepAllOf(record.claim.writesAs);\n', put: '' }],
  },
  claimAsSeen: {
    says: 'A checkpoint is claimed only with the root by which that was decided.',
    edits: [
      {
        file: CLAIM,
        find: 'return record?.root.key === root.key && record.claim?.id === asSeen.claim?.id',
        put: 'return record !== undefined',
      },
    ],
  },
  freshNames: {
    says: 'What was deleted is never written again under its name.',
    edits: [
      {
        file: 'lib/bank/object-keys.ts',
        find: "return randomBytes(8).toString('hex');",
        put: "return randomBytes(8).toString('hex').slice(0, 1).padEnd(16, '0').replace(/[8-9a-f]/, '0');",
      },
    ],
  },
  conditionalPut: {
    says: 'A generation of a record is created only where there is none (memory).',
    store: 'memory',
    edits: [
      {
        file: 'test/lib/bank/store/memory-store.ts',
        find: '      if (objects.has(key)) return false;\n',
        put: '',
      },
      WITHOUT_PROBE,
    ],
  },
  conditionalPutInDirectory: {
    says: 'A generation of a record is created only where there is none (a directory).',
    store: 'directory',
    edits: [
      {
        file: 'lib/bank/store/directory-link.ts',
        find: '    await link(temporary, file);\n',
        put: "    await (await import('node:fs/promises')).rename(temporary, file);\n",
      },
      WITHOUT_PROBE,
    ],
  },
  conditionalPutInS3: {
    says: 'A generation of a record is created only where there is none (S3).',
    store: 'embedded',
    edits: [
      {
        file: 'lib/bank/store/s3.ts',
        find: "{ ...objectOf(place, key), Body: body, IfNoneMatch: '*' }",
        put: '{ ...objectOf(place, key), Body: body }',
      },
      WITHOUT_PROBE,
    ],
  },
  lostAnswers: {
    says: 'A conditional write whose answer was lost is not sent again as another one (S3).',
    store: 'embedded',
    edits: [
      {
        file: 'lib/bank/store/s3.ts',
        find: '    throw new WriteOutcomeUnknown(\n',
        put: "    if (code !== '') return false;\n    throw new WriteOutcomeUnknown(\n",
      },
    ],
  },
  gravesLast: {
    says: 'Records are removed only when their objects are.',
    edits: [
      {
        file: 'lib/collect/close-collection.ts',
        find: 'plan.dryRun || !isDeleted ? 0',
        put: 'plan.dryRun ? 0',
      },
    ],
  },
};
