import { compress, decompress } from './zstd.ts';

export const CHUNK_ID_BYTES = 32;
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** How a chunk's bytes are stored in its slot, before sealing. */
export type Encoding = 'raw' | 'zstd';

export interface EncodedChunk {
  readonly encoding: Encoding;
  readonly bytes: Uint8Array;
}

const ZEROS = Buffer.alloc(MAX_CHUNK_BYTES);
/** Compression that saves less is not worth the time to undo it. */
const WORTHWHILE = 0.95;

/** Whether all bytes are zero, of at most `MAX_CHUNK_BYTES`. A chunk of zeros is a hole. */
export function isZero(bytes: Uint8Array): boolean {
  return ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

/** The shorter of both encodings. The plain bytes must not change until it is done. */
export async function encodeChunk(plain: Uint8Array): Promise<EncodedChunk> {
  const bytes = await compress(plain);
  return bytes.length <= plain.length * WORTHWHILE
    ? { encoding: 'zstd', bytes }
    : { encoding: 'raw', bytes: plain };
}

/** Undoes `encodeChunk`; throws unless exactly `plainLength` bytes come out. */
export async function decodeChunk(
  { encoding, bytes }: EncodedChunk,
  plainLength: number,
): Promise<Uint8Array> {
  if (encoding === 'zstd') return decompress(bytes, plainLength);
  if (bytes.length !== plainLength) {
    throw new RangeError(`The slot holds ${bytes.length} bytes instead of ${plainLength}.`);
  }
  return bytes;
}
