import { CHUNK_ID_BYTES } from './chunk.ts';

// A segment's table, before it is wrapped: header, the packs' keys, one entry a chunk. Integers are big-endian.

/** Disk 4, segment 4, number of chunks 4, number of packs 4. */
export const TABLE_HEADER_BYTES = 16;
/** Id 32, number of the pack in the table 4, offset 4, stored length 4, slot 2, encoding 1, zero 1. */
export const ENTRY_BYTES = 48;
/** The pack's number in the entry of a hole, all else of which is zero. */
export const HOLE = 0xffff_ffff;

export const PACK_AT = CHUNK_ID_BYTES;
export const OFFSET_AT = PACK_AT + 4;
export const STORED_LENGTH_AT = OFFSET_AT + 4;
export const SLOT_AT = STORED_LENGTH_AT + 4;
export const ENCODING_AT = SLOT_AT + 2;

/** Every pack key is preceded by its length in two bytes. */
export const PACK_KEY_LENGTH_BYTES = 2;
export const MAX_PACK_KEY_BYTES = 255;
export const PACK_KEY = /^packs\/[0-9a-f]{24}\/\d{1,10}-\d{1,10}-[0-9a-f]{16}-\d{1,10}$/;

/** Bytes of the largest table of so many chunks: each in a pack of its own. */
export function maxTableBytes(chunkCount: number): number {
  const perChunk = ENTRY_BYTES + PACK_KEY_LENGTH_BYTES + MAX_PACK_KEY_BYTES;
  return TABLE_HEADER_BYTES + chunkCount * perChunk;
}
