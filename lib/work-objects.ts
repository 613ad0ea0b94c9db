import type { ObjectStore } from './bank/store/object-store.ts';

/** Objects deleted with one call. */
const BATCH = 1000;

/** Deletes all objects of the work place whose keys start with one of the prefixes. Safe to repeat. */
export async function removeObjects(
  work: ObjectStore,
  prefixes: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const prefix of prefixes) await removeWhere(work, prefix, () => true, signal);
}

/** Deletes the objects that were written before; for what no state machine came to remove. */
export async function removeOldObjects(
  work: ObjectStore,
  prefixes: readonly string[],
  olderThan: Date,
  signal: AbortSignal,
): Promise<void> {
  for (const prefix of prefixes) {
    await removeWhere(work, prefix, (modifiedAt) => modifiedAt < olderThan, signal);
  }
}

async function removeWhere(
  work: ObjectStore,
  prefix: string,
  chosen: (modifiedAt: Date) => boolean,
  signal: AbortSignal,
): Promise<void> {
  let keys: string[] = [];
  for await (const { key, modifiedAt } of work.list(prefix, { signal })) {
    if (chosen(modifiedAt)) keys.push(key);
    if (keys.length < BATCH) continue;
    await work.delete(keys, { signal });
    keys = [];
  }
  await work.delete(keys, { signal });
}
