import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { CollectionState } from '../bank/collect/collection-state.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { collectionPrefix } from './plan.ts';

const PART_BYTES = 16 * 2 ** 20;

const Pointer = z.strictObject({ attempt: z.string().regex(/^[0-9a-f]{16}$/), parts: z.int() });

function pointerKey(collectionId: string): string {
  return `${collectionPrefix(collectionId)}state.json`;
}

function partKey(collectionId: string, attempt: string, part: number): string {
  return `${collectionPrefix(collectionId)}state/${attempt}-${String(part)}`;
}

/** Writes down how far a collection has come. What is found later is always one whole state: the one that was written last, or before. */
export async function saveState(
  work: ObjectStore,
  collectionId: string,
  state: CollectionState,
  signal: AbortSignal,
): Promise<void> {
  const attempt = randomBytes(8).toString('hex');
  let parts = 0;
  for (const piece of state.encode()) {
    for (let at = 0; at < piece.length; at += PART_BYTES) {
      const body = piece.subarray(at, at + PART_BYTES);
      await work.put(partKey(collectionId, attempt, parts), body, { signal });
      parts += 1;
    }
  }
  const pointer = Buffer.from(JSON.stringify({ attempt, parts }));
  await work.put(pointerKey(collectionId), pointer, { signal });
}

/** Undefined where none was written down. */
export async function readState(
  work: ObjectStore,
  collectionId: string,
  signal: AbortSignal,
): Promise<CollectionState | undefined> {
  try {
    const bytes = await work.get(pointerKey(collectionId), { signal });
    const { attempt, parts } = Pointer.parse(JSON.parse(Buffer.from(bytes).toString()));
    const pieces: Uint8Array[] = [];
    for (let part = 0; part < parts; part += 1) {
      pieces.push(await work.get(partKey(collectionId, attempt, part), { signal }));
    }
    return CollectionState.decode(Buffer.concat(pieces));
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}

/** The next attempt begins at the beginning. */
export async function dropState(
  work: ObjectStore,
  collectionId: string,
  signal: AbortSignal,
): Promise<void> {
  await work.delete([pointerKey(collectionId)], { signal });
}
