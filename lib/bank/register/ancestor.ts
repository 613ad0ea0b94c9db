import type { CallOptions } from '../store/object-store.ts';
import { readBasePointer } from './base-pointer.ts';
import type { BootImage } from './ids.ts';
import { openOrFenced, renewed } from './lease.ts';
import { type Ancestor, ancestorOf, type OpenRecord } from './record.ts';
import { changeRecord, readRecord } from './records.ts';
import type { Register } from './register.ts';
import { type ServerSurvey, surveyServer } from './server-survey.ts';

/** Ancestors tried before a checkpoint goes without: each was pruned in the moment between two reads. */
const MAX_CANDIDATES = 3;

/**
 * The checkpoint to build on, as it looks now: the server's newest, or else what the base pointer of its boot image names. Nothing
 * may be taken from it before `confirmAncestor`.
 */
export async function chooseAncestor(
  register: Register,
  survey: ServerSurvey,
  bootImage: BootImage | undefined,
  options: CallOptions = {},
): Promise<Ancestor | undefined> {
  for (const parent of survey.committed.slice(0, MAX_CANDIDATES)) {
    const ancestor = await candidate(register, 'parent', parent, options);
    if (ancestor !== undefined) return ancestor;
  }
  if (bootImage === undefined) return undefined;
  const pointed = await readBasePointer(register, bootImage, options);
  return pointed === undefined
    ? undefined
    : await candidate(register, 'base', pointed.checkpoint, options);
}

/**
 * Brings an open record to the point where it pins only what may be built on, and returns it. The pin lies in the register before this
 * reads the ancestor's record again; where that is still COMMITTED with the pinned root, no collector can have passed the pin by, and
 * it is confirmed. Otherwise it is exchanged for one on the next candidate, at last for none. Throws `CheckpointFenced`.
 */
export async function confirmAncestor(
  register: Register,
  opened: OpenRecord,
  bootImage: BootImage | undefined,
  options: CallOptions = {},
): Promise<OpenRecord> {
  let record = opened;
  for (let candidates = 1; ; candidates++) {
    const [pinned] = record.pins;
    if (pinned === undefined || ancestorOf(record) !== undefined) return record;
    const next = (await isBuildable(register, pinned, options))
      ? { ...pinned, confirmed: true }
      : candidates < MAX_CANDIDATES
        ? await nextCandidate(register, record, bootImage, options)
        : undefined;
    record = await exchange(register, record, pinned, next, options);
  }
}

async function isBuildable(
  register: Register,
  { checkpoint, root }: Ancestor,
  options: CallOptions,
): Promise<boolean> {
  const head = await readRecord(register, checkpoint, options);
  return (
    head.kind === 'live' &&
    head.value.state === 'COMMITTED' &&
    head.value.root.key === root.key &&
    head.value.root.digest === root.digest
  );
}

async function nextCandidate(
  register: Register,
  record: OpenRecord,
  bootImage: BootImage | undefined,
  options: CallOptions,
): Promise<Ancestor | undefined> {
  const survey = await surveyServer(register, record.server, options);
  return await chooseAncestor(register, survey, bootImage, options);
}

/** Puts `next` in the place of a pin, unless another worker of the execution has confirmed or exchanged that meanwhile. */
async function exchange(
  register: Register,
  { checkpoint }: OpenRecord,
  pinned: Ancestor,
  next: Ancestor | undefined,
  options: CallOptions,
): Promise<OpenRecord> {
  const head = await changeRecord(
    register,
    checkpoint,
    (current) => {
      const open = openOrFenced(checkpoint, current);
      const [standing] = open.pins;
      if (standing?.root.key !== pinned.root.key || standing.confirmed) return undefined;
      return { ...renewed(register, open), pins: next === undefined ? [] : [next] };
    },
    options,
  );
  return openOrFenced(checkpoint, head);
}

/** A pin on the checkpoint as it is now, if one may build on it. */
async function candidate(
  register: Register,
  as: Ancestor['as'],
  checkpoint: string,
  options: CallOptions,
): Promise<Ancestor | undefined> {
  const head = await readRecord(register, checkpoint, options);
  if (head.kind !== 'live' || head.value.state !== 'COMMITTED') return undefined;
  return { as, checkpoint, root: head.value.root, confirmed: false };
}
