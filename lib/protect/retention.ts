import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import { unwrap, wrap } from '../bank/format/envelope.ts';
import type { SegmentReceipt } from '../bank/format/receipt.ts';
import type { Root } from '../bank/format/root.ts';
import { newRetention, promisedUntil, requireObjectLock } from '../bank/lock.ts';
import { BANK_FILE_KEY, keyRingKey } from '../bank/object-keys.ts';
import { leaseKeeper, renewLease } from '../bank/register/lease.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { Retention } from '../bank/store/object-lock.ts';
import type { Services } from '../services.ts';
import type { Call } from '../state-function.ts';
import type { DiskSource } from './disks.ts';
import { CheckpointNotLocked, RangeUnfinished } from './errors.ts';
import { isCommitted } from './is-committed.ts';
import { finishedPlans, rootOf } from './root-of-upload.ts';

const AT_ONCE = 32;
/** Objects between two looks at the time that is left, and two notes of how far it came. */
const BATCH = 2048;
const TIME_FOR_A_BATCH_MILLISECONDS = 60_000;
/** A lock must last from now on so much longer than promised: the commit comes later, perhaps after retries. */
const MARGIN_MILLISECONDS = 6 * 3600 * 1000;
const MAX_NOTE_BYTES = 4096;

/** What an extension of locks has come to; in the work place, sealed, since the commit believes it. */
const Note = z.strictObject({
  /** Digest of the keys that the root will name: another image's would be others. */
  names: z.string(),
  /** What is not locked until then must be extended … */
  needed: z.iso.datetime(),
  /** … and is locked until this then. */
  target: z.iso.datetime(),
  /** Of the keys that must be extended, in their order, so many are. */
  done: z.int().nonnegative(),
  /** All that the root will name is locked at least until then; null as long as it is not. */
  lockedUntil: z.iso.datetime().nullable(),
});
type Note = z.infer<typeof Note>;

interface Upload {
  checkpoint: string;
  sources: readonly DiskSource[];
}

/**
 * In a locked bank, sees to it that every segment and every pack that the checkpoint will refer to, its ancestors' too, stays locked as
 * long as the bank promises from now on; and bank.json and the key ring with them. Only what would run out is extended. Idempotent;
 * throws `RangeUnfinished` when its time runs short, and goes on there. Returns how many objects were extended.
 */
export async function extendRetention(
  services: Services,
  { checkpoint, sources }: Upload,
  { signal, remainingMilliseconds }: Call,
): Promise<{ extended: number }> {
  const bank = await services.bank();
  const { lock } = bank.info;
  if (lock === undefined) return { extended: 0 };
  const register = await services.register();
  if (await isCommitted(register, checkpoint, signal)) return { extended: 0 };
  const record = await renewLease(register, checkpoint, { signal });
  const plans = await finishedPlans(services, checkpoint, sources, signal);
  const made = await rootOf(services, record, plans, signal);
  const objectLock = requireObjectLock(bank.places.bank);
  const names = namesOf(made.root);
  const promised = promisedUntil(lock, objectLock);
  let note = await readNote(bank, checkpoint, signal);
  // A note of long ago, before an outage, promises too little.
  if (note?.names !== digestOf(names) || new Date(note.needed) < promised) {
    note = {
      names: digestOf(names),
      needed: new Date(promised.getTime() + MARGIN_MILLISECONDS).toISOString(),
      target: newRetention(lock, objectLock).until.toISOString(),
      done: 0,
      lockedUntil: null,
    };
  }
  const target: Retention = { mode: lock.mode, until: new Date(note.target) };
  const needed = Date.parse(note.needed);
  const { keys, standing } = dueOf(made, names, needed);
  await extendAccess(bank, target, needed, signal);
  const keepLease = leaseKeeper(register, checkpoint);
  const begun = note;
  await inBatches(keys, note.done, {
    extend: (key) => objectLock.extend(key, target, { signal }),
    async before(done) {
      await keepLease({ signal });
      if (remainingMilliseconds() >= TIME_FOR_A_BATCH_MILLISECONDS) return;
      throw new RangeUnfinished(
        `${String(keys.length - done)} of ${String(keys.length)} locks of checkpoint ${checkpoint} are left for the next worker.`,
        { identifiers: { checkpoint } },
      );
    },
    after: (done) => putNote(bank, checkpoint, { ...begun, done }, signal),
  });
  const lockedUntil = new Date(Math.min(standing, target.until.getTime())).toISOString();
  await putNote(bank, checkpoint, { ...begun, done: keys.length, lockedUntil }, signal);
  return { extended: keys.length };
}

interface Steps {
  extend: (key: string) => Promise<void>;
  /** Told, before each batch, how many keys are done; ends the work by throwing. */
  before: (done: number) => Promise<void>;
  after: (done: number) => Promise<void>;
}

/** Extends the locks of the keys from number `done` on, some at once. */
export async function inBatches(
  keys: readonly string[],
  done: number,
  { extend, before, after }: Steps,
  batchSize = BATCH,
): Promise<void> {
  for (let at = done; at < keys.length; at += batchSize) {
    await before(at);
    const batch = keys.slice(at, at + batchSize);
    for await (const _ of mapInOrder(batch, AT_ONCE, extend));
    await after(at + batch.length);
  }
}

/**
 * Until when everything that the root names is locked, as `extendRetention` left it; null in a bank that is not locked. Throws
 * `CheckpointNotLocked` where that is less than the bank promises: such a checkpoint is not committed.
 */
export async function lockedUntilOf(
  bank: Bank,
  root: Root,
  signal: AbortSignal,
): Promise<string | null> {
  const { lock } = bank.info;
  if (lock === undefined) return null;
  const { checkpoint } = root;
  const note = await readNote(bank, checkpoint, signal);
  const promised = promisedUntil(lock, requireObjectLock(bank.places.bank));
  const lockedUntil = note?.names === digestOf(namesOf(root)) ? note.lockedUntil : null;
  if (lockedUntil !== null && lockedUntil >= promised.toISOString()) return lockedUntil;
  throw new CheckpointNotLocked(
    `What checkpoint ${checkpoint} refers to is locked ${lockedUntil === null ? 'nobody knows how long' : `until ${lockedUntil}`}, not until ${promised.toISOString()}; it is not committed.`,
    { identifiers: { checkpoint } },
  );
}

/** Which keys must be extended, and until when the others are locked already. */
function dueOf(
  { root, receipts, ancestor }: Awaited<ReturnType<typeof rootOf>>,
  names: readonly string[],
  needed: number,
): { keys: string[]; standing: number } {
  const own = Math.min(...receipts.map(untilOf));
  const inherited = ancestor?.lockedUntil == null ? 0 : Date.parse(ancestor.lockedUntil);
  const isOwn = (key: string) => key.includes(`/${root.checkpoint}/`);
  const lockOf = (key: string) => (isOwn(key) ? own : inherited);
  return {
    keys: names.filter((key) => lockOf(key) < needed),
    standing: Math.min(...names.map(lockOf).filter((until) => until >= needed)),
  };
}

function untilOf({ lockedUntil }: SegmentReceipt): number {
  return lockedUntil === null ? 0 : Date.parse(lockedUntil);
}

/** Ascending. */
function namesOf({ disks, packs }: Root): string[] {
  const segments = disks.flatMap((disk) =>
    disk.segments.flatMap(({ object }) => object?.key ?? []),
  );
  return [...new Set([...segments, ...packs.map(({ key }) => key)])].sort();
}

function digestOf(names: readonly string[]): string {
  return createHash('sha256').update(names.join('\n')).digest('hex');
}

/** Without bank.json and the key ring, what is locked could not be read. */
async function extendAccess(
  bank: Bank,
  retention: Retention,
  needed: number,
  signal: AbortSignal,
): Promise<void> {
  const { bankId, keyRingGeneration } = bank.info;
  const objectLock = requireObjectLock(bank.places.bank);
  const keys = [
    BANK_FILE_KEY,
    ...(keyRingGeneration > 0 ? [keyRingKey(bankId, keyRingGeneration)] : []),
  ];
  for (const key of keys) {
    const held = await objectLock.retentionOf(key, { signal });
    if ((held?.until.getTime() ?? 0) < needed) await objectLock.extend(key, retention, { signal });
  }
}

/** Below the prefix that is removed with the other notes of the checkpoint's uploads. */
function noteKey(checkpoint: string): string {
  return `uploads/${checkpoint}/retention`;
}

async function putNote(
  { keys, places }: Bank,
  checkpoint: string,
  note: Note,
  signal: AbortSignal,
): Promise<void> {
  const key = noteKey(checkpoint);
  const bytes = await wrap(keys, { kind: 'note', key }, Buffer.from(JSON.stringify(note)));
  await places.work.put(key, bytes, { signal });
}

/** Undefined where there is none that can be believed: the locks are then extended from the beginning. */
async function readNote(
  { keys, places }: Bank,
  checkpoint: string,
  signal: AbortSignal,
): Promise<Note | undefined> {
  const key = noteKey(checkpoint);
  try {
    const bytes = await places.work.get(key, { signal });
    const plain = await unwrap(keys, { kind: 'note', key }, bytes, MAX_NOTE_BYTES);
    return Note.parse(JSON.parse(plain.toString('utf8')));
  } catch (error) {
    if (error instanceof ObjectNotFound || error instanceof ObjectDamaged) return undefined;
    throw error;
  }
}
