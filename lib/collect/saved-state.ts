import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { CollectionState } from '../bank/collect/collection-state.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import { unwrap, wrap } from '../bank/format/envelope.ts';
import { putNote, readNote } from '../bank/notes.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { CallOptions } from '../bank/store/object-store.ts';
import { collectionPrefix } from './plan.ts';

const PART_BYTES = 16 * 2 ** 20;
const MAX_POINTER_BYTES = 4096;

const Pointer = z.strictObject({
  attempt: z.string().regex(/^[0-9a-f]{16}$/),
  parts: z.int().nonnegative(),
  /** Of all parts, one after the other. */
  digest: z.string(),
});

function pointerKey(collectionId: string): string {
  return `${collectionPrefix(collectionId)}state.json`;
}

function partKey(collectionId: string, attempt: string, part: number): string {
  return `${collectionPrefix(collectionId)}state/${attempt}-${String(part)}`;
}

/**
 * Writes down how far a collection has come, sealed where the bank is: what is deleted follows from it. What is found later is always one
 * whole state: the one that was written last, or before.
 */
export async function saveState(
  bank: Bank,
  collectionId: string,
  state: CollectionState,
  options: CallOptions,
): Promise<void> {
  const attempt = randomBytes(8).toString('hex');
  const hash = createHash('sha256');
  let parts = 0;
  for (const piece of state.encode()) {
    for (let at = 0; at < piece.length; at += PART_BYTES) {
      const body = piece.subarray(at, at + PART_BYTES);
      hash.update(body);
      const key = partKey(collectionId, attempt, parts);
      const bytes = await wrap(bank.keys, { kind: 'note', key }, body);
      await bank.places.work.put(key, bytes, options);
      parts += 1;
    }
  }
  const digest = hash.digest('hex');
  await putNote(bank, pointerKey(collectionId), { attempt, parts, digest }, options);
}

/** Undefined where none was written down. Throws `ObjectDamaged` for one that is not what was written. */
export async function readState(
  bank: Bank,
  collectionId: string,
  options: CallOptions,
): Promise<CollectionState | undefined> {
  try {
    const pointer = pointerKey(collectionId);
    const expected = { schema: Pointer, maxBytes: MAX_POINTER_BYTES };
    const { attempt, parts, digest } = await readNote(bank, pointer, expected, options);
    const pieces: Uint8Array[] = [];
    const hash = createHash('sha256');
    for (let part = 0; part < parts; part += 1) {
      const key = partKey(collectionId, attempt, part);
      const bytes = await bank.places.work.get(key, options);
      const piece = await unwrap(bank.keys, { kind: 'note', key }, bytes, PART_BYTES);
      hash.update(piece);
      pieces.push(piece);
    }
    if (hash.digest('hex') !== digest) {
      throw new ObjectDamaged(`The state ${pointer} of a collection is not what was written.`, {
        identifiers: { key: pointer },
      });
    }
    return CollectionState.decode(Buffer.concat(pieces));
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}

/** The next attempt begins at the beginning. */
export async function dropState(
  { places }: Bank,
  collectionId: string,
  options: CallOptions,
): Promise<void> {
  await places.work.delete([pointerKey(collectionId)], options);
}
