import { WriteOutcomeUnknown } from './store/errors.ts';
import type { CallOptions, ObjectStore } from './store/object-store.ts';

/**
 * Creates an object whose bytes no other writer could have: `true` when it is there with these bytes, `false` when another one's is.
 * A lost answer is settled by reading. Throws `WriteOutcomeUnknown` only when the object is not there: it may still come.
 */
export async function createObject(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  options?: CallOptions,
): Promise<boolean> {
  try {
    if (await store.putIfAbsent(key, bytes, options)) return true;
  } catch (error) {
    if (!(error instanceof WriteOutcomeUnknown)) throw error;
    if ((await store.size(key, options)) === undefined) throw error;
  }
  // "It exists" may be about this very write, where something in between sent it two times.
  return Buffer.compare(await store.get(key, options), bytes) === 0;
}
