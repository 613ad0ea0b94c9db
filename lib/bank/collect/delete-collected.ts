import { mapInOrder } from '../register/in-order.ts';
import { buryPin } from '../register/pin.ts';
import { buryRecord } from '../register/prune-checkpoint.ts';
import type { Register } from '../register/register.ts';
import { StoreRefused } from '../store/errors.ts';
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
  /** Delete even more than half of the bank. */
  force?: boolean;
}

export interface Collected {
  deleted: Tally;
  /** Dead, but the store did not let them go, because they are locked: the next collection tries again. */
  retained: Tally;
  buriedCheckpoints: number;
}

/**
 * Deletes what the plan found dead, then buries the records and pins that are over. May be stopped anywhere: what is left is found by
 * the next collection. Throws `CollectionRefused` where more than half of the bank would go, unless it is forced.
 */
export async function deleteCollected(request: DeletionRequest): Promise<Collected> {
  const { bank, register, plan, force = false, signal } = request;
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
    buriedCheckpoints: 0,
  };
  for await (const batch of deadBatches(bank, plan, options)) {
    add(
      (await isDeleted(bank, batch.keys, options)) ? collected.deleted : collected.retained,
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

interface Batch {
  keys: string[];
  bytes: number;
}

/** Lists once more, since the plan does not hold the keys; what was written since is not in the plan. */
async function* deadBatches(
  bank: ObjectStore,
  plan: CollectionPlan,
  options: CallOptions,
): AsyncGenerator<Batch, void, undefined> {
  let batch: Batch = { keys: [], bytes: 0 };
  for (const prefix of DATA_PREFIXES) {
    for await (const { key, sizeBytes } of bank.list(prefix, options)) {
      if (!plan.isDead(key)) continue;
      batch.keys.push(key);
      batch.bytes += sizeBytes;
      if (batch.keys.length < BATCH) continue;
      yield batch;
      batch = { keys: [], bytes: 0 };
    }
  }
  if (batch.keys.length > 0) yield batch;
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

function add(tally: Tally, { keys, bytes }: Batch): void {
  tally.objects += keys.length;
  tally.bytes += bytes;
}
