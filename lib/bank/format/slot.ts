import type { KeyObject } from 'node:crypto';
import type { BankKeys } from '../keys/bank-keys.ts';
import { decodeChunk, type EncodedChunk } from './chunk.ts';
import { gcmOpen } from './gcm.ts';
import { type ChunkLocation, slotContext } from './pack-layout.ts';

export interface SlotContents {
  readonly location: ChunkLocation;
  readonly id: Uint8Array;
  readonly plainLength: number;
}

/** The slot's chunk as it is encoded, for storing it elsewhere, and its plain bytes. */
interface ProvenSlot {
  readonly encoded: EncodedChunk;
  readonly plain: Uint8Array;
}

/**
 * The plain bytes of a slot, proven: opened, decoded, and their id checked, always. `packKey` is undefined for an unsealed bank.
 * Throws, with the reason, when anything differs from what was written.
 */
export async function openSlot(
  keys: BankKeys,
  packKey: KeyObject | undefined,
  slot: SlotContents,
  stored: Uint8Array,
): Promise<Uint8Array> {
  return (await proveSlot(keys, packKey, slot, stored)).plain;
}

/** The same with the chunk as it was encoded. */
export async function proveSlot(
  keys: BankKeys,
  packKey: KeyObject | undefined,
  { location, id, plainLength }: SlotContents,
  stored: Uint8Array,
): Promise<ProvenSlot> {
  const bytes =
    packKey === undefined
      ? stored
      : gcmOpen(packKey, slotContext(keys.bankId, location, id, plainLength), stored);
  const encoded = { encoding: location.encoding, bytes };
  const plain = await decodeChunk(encoded, plainLength);
  if (keys.chunkId(plain).compare(id) !== 0) {
    throw new RangeError('The bytes are others than those that were stored: their id differs.');
  }
  return { encoded, plain };
}
