import { ObjectNotFound } from './errors.ts';
import type { CallOptions, ObjectStore } from './object-store.ts';

/** The object; undefined where there is none. */
export async function getIfThere(
  store: ObjectStore,
  key: string,
  options?: CallOptions,
): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key, options);
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}
