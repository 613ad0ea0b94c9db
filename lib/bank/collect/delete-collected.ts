import { mapInOrder } from '../register/in-order.ts';
import { buryPin } from '../register/pin.ts';
import { buryRecord } from '../register/prune-checkpoint.ts';
import type { Register } from '../register/register.ts';
import { StoreRefused } from '../store/errors.ts';
import type { ObjectLock } from '../store/object-lock.ts';
import type { CallOptions, ObjectStore } from '../store/object-store.ts';
import { CollectionRefused } from './errors.ts';
import type { Tally } from './listed-objects.ts';
import { type CollectionPlan, DATA_PREFIXES } from './plan-collection.ts';

/** What one delete request of S3 takes. */
const BATCH = 1000;
const MAX_SHARE = 0.5;
const BURIALS_AT_ONCE = 8;

export interface DeletionRequest extends CallOptions {
  bank: ObjectStore;
  register: Register;
  plan: CollectionPlan;
  /** Of a locked bank's place. */
  objectLock?: ObjectLock | undefined;
  /** Delete even more than half of the bank. */
  force?: boolean;
}

export interface Collected {
  deleted: Tally;
  /** Dead, but the store did not let them go, because they are locked: the next collection tries again. */
  retained: Tally;
  /** When the last of these is free, as far as the store said. */
  retainedUntil: Date | undefined;
  buriedCheckpoints: number;
}

/**
 * Deletes what the plan found dead, then buries the records and pins that are over. May be stopped anywhere: what is left is found by
 * the next collection. Throws `CollectionRefused` where more than half of the bank would go, unless it is forced.
 */
export async function deleteCollected(request: DeletionRequest): Promise<Collected> {
  const { bank, register, plan, objectLock, force = false, signal } = request;
  const options = signal === undefined ? {} : { signal };
  const { dead, listed } = plan;
  if (!force && dead.bytes > listed.bytes * MAX_SHARE) {
    throw new CollectionRefused(
      `${dead.bytes} of ${listed.bytes} bytes (${dead.objects} of ${listed.objects} objects) in ${bank.location} would be deleted, more than half. Nothing was deleted.`,
    );
  }
  const collected: Collected = {
    deleted: { objects: 0, bytes: 0 },
    retained: { objects: 0, bytes: 0 },
    retainedUntil: undefined,
    buriedCheckpoints: 0,
  };
  for await (const batch of deadBatches(bank, plan, options)) {
    if (objectLock !== undefined) {
      await deleteUnlocked(objectLock, batch, collected, options);
      continue;
    }
    const keys = [...batch.keys()];
    add(
      (await isDeleted(bank, keys, options)) ? collected.deleted : collected.retained,
      keys,
      batch,
    );
  }
  const burials = mapInOrder(plan.deadCheckpoints, BURIALS_AT_ONCE, async (checkpoint) => {
    await buryRecord(register, checkpoint, options);
  });
  for await (const _ of burials) collected.buriedCheckpoints += 1;
  for (const id of plan.fencedPins) await buryPin(register, id, options);
  return collected;
}

/** Sizes by key, ascending. */
type Batch = ReadonlyMap<string, number>;

/** Lists once more, since the plan does not hold the keys; what was written since is not in the plan. */
async function* deadBatches(
  bank: ObjectStore,
  plan: CollectionPlan,
  options: CallOptions,
): AsyncGenerator<Batch, void, undefined> {
  let batch = new Map<string, number>();
  for (const prefix of DATA_PREFIXES) {
    for await (const { key, sizeBytes } of bank.list(prefix, options)) {
      if (!plan.isDead(key)) continue;
      batch.set(key, sizeBytes);
      if (batch.size < BATCH) continue;
      yield batch;
      batch = new Map();
    }
    // Each prefix by itself: a batch spans a short part of the bank's listing.
    if (batch.size > 0) yield batch;
    batch = new Map();
  }
}

async function deleteUnlocked(
  objectLock: ObjectLock,
  batch: Batch,
  collected: Collected,
  options: CallOptions,
): Promise<void> {
  const retained = await objectLock.deleteUnlocked([...batch.keys()], options);
  const locked = new Set(retained.map(({ key }) => key));
  add(collected.retained, locked, batch);
  add(
    collected.deleted,
    [...batch.keys()].filter((key) => !locked.has(key)),
    batch,
  );
  for (const { until } of retained) {
    if (collected.retainedUntil === undefined || collected.retainedUntil < until) {
      collected.retainedUntil = until;
    }
  }
}

async function isDeleted(
  bank: ObjectStore,
  keys: readonly string[],
  options: CallOptions,
): Promise<boolean> {
  try {
    await bank.delete(keys, options);
    return true;
  } catch (error) {
    if (error instanceof StoreRefused) return false;
    throw error;
  }
}

function add(tally: Tally, keys: Iterable<string>, sizes: Batch): void {
  for (const key of keys) {
    tally.objects += 1;
    tally.bytes += sizes.get(key) ?? 0;
  }
}
