import type { Bank } from '../bank/bank.ts';
import { readBankFile } from '../bank/bank-file.ts';
import { checkpointOfKey } from '../bank/collect/listed-objects.ts';
import { createObject } from '../bank/create-object.ts';
import { BankNotFound, ObjectDamaged, RegisterLost } from '../bank/errors.ts';
import type { Root } from '../bank/format/root.ts';
import { BANK_FILE_KEY, keyRingPrefix } from '../bank/object-keys.ts';
import { digestOf } from '../bank/object-ref.ts';
import type { BankPlaces } from '../bank/places.ts';
import { commitCheckpoint } from '../bank/register/commit-checkpoint.ts';
import { readRecord, recordSeries, writeRecord } from '../bank/register/records.ts';
import { FORMAT_VERSION } from '../bank/format-version.ts';
import type { Register } from '../bank/register/register.ts';
import type { RootReference } from '../bank/register/record.ts';
import { bury } from '../bank/register/series.ts';
import { forgetSurveyNotes } from '../bank/register/survey-note.ts';
import { readRoot } from '../bank/roots.ts';
import { provePutIfAbsent } from '../bank/store/probe.ts';
import type { CallOptions, StoredObject } from '../bank/store/object-store.ts';
import { newLease } from '../bank/register/lease.ts';
import { CheckpointDescription } from './description.ts';
import { sealSummary } from './summary.ts';

/** What became of a checkpoint of which the bank holds objects and the register knew nothing. */
export interface Found {
  readonly checkpoint: string;
  /**
   * `whole`: its root and all that it names are there. `incomplete`: the root is, and something that it names is not. `damaged`: none of
   * its roots can be read. `without root`: only packs or segments, which say neither whose they are nor how large the disk was.
   */
  readonly state: 'whole' | 'incomplete' | 'damaged' | 'without root';
  readonly serverId: string | null;
  readonly createdAt: string | null;
  /** Names of the first objects that are missing. */
  readonly missing: readonly string[];
}

export interface Rebuilding extends CallOptions {
  /** Change nothing. */
  readonly dryRun: boolean;
  /** Count what cannot come back as removed, so that it can be collected. */
  readonly abandonRest: boolean;
}

const SHOWN = 5;

/**
 * Makes an empty register the bank's own again: copies of the key rings and of bank.json, which comes last. Throws `RegisterLost` where
 * another bank has it, and leaves alone a register that fits already.
 */
export async function adoptRegister({ bank, register }: BankPlaces): Promise<boolean> {
  const [file, registered] = await Promise.all([readBankFile(bank), readBankFile(register)]);
  if (file === undefined) throw new BankNotFound(`There is no bank at ${bank.location}.`);
  if (registered?.bankId === file.bankId) return false;
  if (registered !== undefined) {
    throw new RegisterLost(
      `The register at ${register.location} belongs to bank ${registered.bankId}, not to ${file.bankId}. Give the bank an empty one: SNAPBANK_REGISTER.`,
      { identifiers: { register: register.location, bankId: file.bankId } },
    );
  }
  await provePutIfAbsent(register);
  const keys: string[] = [];
  for await (const { key } of bank.list(keyRingPrefix(file.bankId))) keys.push(key);
  for (const key of [...keys, BANK_FILE_KEY]) {
    await createObject(register, key, await bank.get(key));
  }
  return true;
}

/** Makes records anew for the checkpoints that only the bank still knows of. No backup may run meanwhile. */
export async function rebuildRegister(
  bank: Bank,
  register: Register,
  { dryRun, abandonRest, ...options }: Rebuilding,
): Promise<Found[]> {
  const { objects, byCheckpoint } = await listBank(bank, options);
  // Of records made anew other generations have the numbers of those that were lost.
  if (!dryRun) await forgetSurveyNotes(register, options);
  const found: Found[] = [];
  for (const [checkpoint, roots] of byCheckpoint) {
    if ((await readRecord(register, checkpoint, options)).kind !== 'absent') continue;
    const judged = await judge(bank, checkpoint, roots, objects, options);
    found.push(judged.found);
    if (dryRun) continue;
    if (judged.best !== undefined) await registerAgain(bank, register, judged.best, options);
    else if (abandonRest) await bury(recordSeries(register, checkpoint), options);
  }
  return found;
}

interface Readable {
  readonly root: Root;
  readonly reference: RootReference;
}

async function listBank({ places }: Bank, options: CallOptions) {
  const objects = new Set<string>();
  const byCheckpoint = new Map<string, StoredObject[]>();
  for (const prefix of ['packs/', 'segments/', 'roots/']) {
    for await (const object of places.bank.list(prefix, options)) {
      const checkpoint = checkpointOfKey(object.key);
      if (checkpoint === undefined) continue;
      objects.add(object.key);
      const roots = byCheckpoint.get(checkpoint) ?? [];
      byCheckpoint.set(checkpoint, roots);
      if (prefix === 'roots/') roots.push(object);
    }
  }
  return { objects, byCheckpoint };
}

/** The newest whole one of a checkpoint's roots: each was written when all that it names was there, and compaction may have taken some of that away. */
async function judge(
  bank: Bank,
  checkpoint: string,
  roots: readonly StoredObject[],
  objects: ReadonlySet<string>,
  options: CallOptions,
): Promise<{ found: Found; best?: Readable }> {
  const unknown = { checkpoint, serverId: null, createdAt: null, missing: [] };
  let incomplete: Found | undefined;
  const newestFirst = roots.toSorted(
    (one, other) => Number(other.modifiedAt) - Number(one.modifiedAt),
  );
  for (const { key } of newestFirst) {
    const read = await tryRoot(bank, key, options);
    if (read === undefined) continue;
    const { root } = read;
    const missing = namesOf(root).filter((name) => !objects.has(name));
    const of = { checkpoint, serverId: root.identity.serverId, createdAt: root.createdAt };
    if (missing.length === 0) return { found: { ...of, state: 'whole', missing }, best: read };
    incomplete ??= { ...of, state: 'incomplete', missing: missing.slice(0, SHOWN) };
  }
  return {
    found: incomplete ?? { ...unknown, state: roots.length === 0 ? 'without root' : 'damaged' },
  };
}

async function tryRoot(
  bank: Bank,
  key: string,
  options: CallOptions,
): Promise<Readable | undefined> {
  const reference = { key, digest: digestOf(await bank.places.bank.get(key, options)) };
  try {
    return { root: await readRoot(bank, reference, options), reference };
  } catch (error) {
    if (error instanceof ObjectDamaged) return undefined;
    throw error;
  }
}

function namesOf({ disks, packs }: Root): string[] {
  const segments = disks.flatMap((disk) =>
    disk.segments.flatMap(({ object }) => object?.key ?? []),
  );
  return [...segments, ...packs.map(({ key }) => key)];
}

/** From nothing to OPEN to COMMITTED, as any record. */
async function registerAgain(
  bank: Bank,
  register: Register,
  { root, reference }: Readable,
  options: CallOptions,
): Promise<void> {
  const { checkpoint, identity, createdAt, execution, lockedUntil } = root;
  const draft = {
    version: FORMAT_VERSION,
    checkpoint,
    server: identity,
    createdAt,
    execution: { id: execution },
    state: 'OPEN' as const,
    pins: [],
    lease: newLease(register, 3600),
  };
  await writeRecord(register, { kind: 'absent', generation: -1 }, draft, options);
  const summary = await summaryOf(bank, root);
  await commitCheckpoint(register, checkpoint, {
    root: reference,
    ...(summary === undefined ? {} : { summary }),
    ...(lockedUntil === null ? {} : { lockedUntil }),
    ...options,
  });
}

async function summaryOf(bank: Bank, root: Root): Promise<string | undefined> {
  const { data: description } = CheckpointDescription.safeParse(root.description);
  const [first] = description?.disks ?? [];
  if (description === undefined || first === undefined) return undefined;
  return await sealSummary(bank, root.identity, {
    serverName: description.server.name,
    plan: description.plan,
    done: {
      consistency: description.consistency,
      imageKind: first.image.kind,
      diskBytes: root.disks.reduce((sum, { guestSizeBytes }) => sum + guestSizeBytes, 0),
      notCovered: description.server.notCovered.length,
      stats: root.stats,
    },
  });
}
