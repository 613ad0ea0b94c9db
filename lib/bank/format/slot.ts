import type { KeyObject } from 'node:crypto';
import type { BankKeys } from '../keys/bank-keys.ts';
import { decodeChunk } from './chunk.ts';
import { gcmOpen } from './gcm.ts';
import { type ChunkLocation, slotContext } from './pack-layout.ts';

export interface SlotContents {
  readonly location: ChunkLocation;
  readonly id: Uint8Array;
  readonly plainLength: number;
}

/**
 * The plain bytes of a slot, proven: opened, decoded, and their id checked, always. `packKey` is undefined for an unsealed bank.
 * Throws, with the reason, when anything differs from what was written.
 */
export async function openSlot(
  keys: BankKeys,
  packKey: KeyObject | undefined,
  { location, id, plainLength }: SlotContents,
  stored: Uint8Array,
): Promise<Uint8Array> {
  const bytes =
    packKey === undefined
      ? stored
      : gcmOpen(packKey, slotContext(keys.bankId, location, id, plainLength), stored);
  const plain = await decodeChunk({ encoding: location.encoding, bytes }, plainLength);
  if (keys.chunkId(plain).compare(id) !== 0) {
    throw new RangeError('The bytes are others than those that were stored: their id differs.');
  }
  return plain;
}
