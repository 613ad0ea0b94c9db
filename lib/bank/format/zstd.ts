import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

const compressAsync = promisify(zstdCompress);
const decompressAsync = promisify(zstdDecompress);

/** No frame of ours needs a window above 8 MiB; a forged one may not ask for more. */
const MAX_WINDOW_LOG = 23;

/** Room beyond the plain bytes, without which node hands out a second, empty buffer and copies. */
const SPARE_BYTES = 64;

/** One zstd frame, made on the thread pool. The bytes must not change until it is done. With `checksum` the frame notices a byte that did. */
export function compress(plain: Uint8Array, level = 1, checksum = false): Promise<Buffer> {
  return compressAsync(plain, {
    // The most that a frame can take: without it the output grows by 16 KiB at a time, at a third of the speed.
    chunkSize: plain.length + (plain.length >>> 8) + 512,
    pledgedSrcSize: plain.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
    },
  });
}

/** Undoes `compress`. Never makes more than `plainLength` bytes, and throws unless it makes exactly those. */
export async function decompress(frame: Uint8Array, plainLength: number): Promise<Buffer> {
  const plain = await decompressAsync(frame, {
    chunkSize: plainLength + SPARE_BYTES,
    maxOutputLength: Math.max(plainLength, 1),
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  if (plain.length !== plainLength) {
    throw new RangeError(`The frame holds ${plain.length} bytes instead of ${plainLength}.`);
  }
  return plain;
}
