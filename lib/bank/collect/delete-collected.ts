import { mapInOrder } from '../register/in-order.ts';
import { buryPin } from '../register/pin.ts';
import { buryRecord } from '../register/prune-checkpoint.ts';
import type { Register } from '../register/register.ts';
import { StoreRefused } from '../store/errors.ts';
import type { ObjectLock } from '../store/object-lock.ts';
import type { CallOptions, ObjectStore } from '../store/object-store.ts';
import { checkpointOfKey, type Tally } from './listed-objects.ts';

/** What one delete request of S3 takes. */
const BATCH = 1000;
const BURIALS_AT_ONCE = 16;

export interface Deleted {
  readonly deleted: Tally;
  /** Dead, but the store did not let them go, because they are locked: a later collection tries again. */
  readonly retained: Tally;
  /** When the last of these is free, as far as the store said. */
  readonly retainedUntil: Date | undefined;
}

export interface DeletionRequest extends CallOptions {
  bank: ObjectStore;
  /** Of a locked bank's place. */
  objectLock?: ObjectLock | undefined;
  /** Keys and sizes; ascending, so that a batch spans a short part of the bank's listing. */
  objects: readonly (readonly [key: string, sizeBytes: number])[];
}

/**
 * Deletes objects that a collection found dead, however long ago: nothing can have come to refer to them, and their names never come
 * again. Safe to repeat.
 */
export async function deleteListed(request: DeletionRequest): Promise<Deleted> {
  const { bank, objectLock, signal } = request;
  const options = signal === undefined ? {} : { signal };
  // The list may have been anywhere: no other kind of object is deleted by it.
  const data = request.objects.filter(([key]) => checkpointOfKey(key) !== undefined);
  const deleted = { objects: 0, bytes: 0 };
  const retained = { objects: 0, bytes: 0 };
  let retainedUntil: Date | undefined;
  for (let at = 0; at < data.length; at += BATCH) {
    const batch = data.slice(at, at + BATCH);
    const keys = batch.map(([key]) => key);
    const left = await deleteBatch(bank, objectLock, keys, options);
    for (const [key, sizeBytes] of batch) {
      const tally = left.has(key) ? retained : deleted;
      tally.objects += 1;
      tally.bytes += sizeBytes;
    }
    for (const until of left.values()) {
      if (until !== undefined && (retainedUntil === undefined || retainedUntil < until)) {
        retainedUntil = until;
      }
    }
  }
  return { deleted, retained, retainedUntil };
}

/** Returns what is still there, and until when it is locked. */
async function deleteBatch(
  bank: ObjectStore,
  objectLock: ObjectLock | undefined,
  keys: readonly string[],
  options: CallOptions,
): Promise<Map<string, Date | undefined>> {
  if (objectLock !== undefined) {
    const retained = await objectLock.deleteUnlocked(keys, options);
    return new Map(retained.map(({ key, until }) => [key, until]));
  }
  try {
    await bank.delete(keys, options);
    return new Map();
  } catch (error) {
    if (!(error instanceof StoreRefused)) throw error;
    return new Map(keys.map((key) => [key, undefined]));
  }
}

/** Records and pins that are over. */
export interface Dead {
  readonly checkpoints: readonly string[];
  readonly pins: readonly string[];
}

/** Removes the records of checkpoints whose objects are deleted, and pins that were fenced. Safe to repeat; `onEach` may end it. */
export async function buryDead(
  register: Register,
  { checkpoints, pins }: Dead,
  options: CallOptions & { onEach?: (checkpoint: string) => void } = {},
): Promise<void> {
  const { onEach, ...call } = options;
  const burials = mapInOrder(checkpoints, BURIALS_AT_ONCE, async (checkpoint) => {
    onEach?.(checkpoint);
    await buryRecord(register, checkpoint, call);
  });
  for await (const _ of burials);
  for (const id of pins) await buryPin(register, id, call);
}
