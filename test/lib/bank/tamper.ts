import type { ObjectStore } from '../../../lib/bank/store/object-store.ts';

/** Keys of a store's objects below a prefix. */
export async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** The bytes with one bit of one byte turned over. */
export function flipped(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const altered = bytes.slice();
  altered[at] = (altered[at] ?? 0) ^ (1 << bit);
  return altered;
}

/** Turns over one bit of a stored object. */
export async function flip(store: ObjectStore, key: string, at: number, bit = 0): Promise<void> {
  await store.put(key, flipped(await store.get(key), at, bit));
}
