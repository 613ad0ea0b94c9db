import { promisify } from 'node:util';
import { constants, inflateRaw, zstdDecompress } from 'node:zlib';
import { CorruptDisk } from '../errors.ts';
import type { Inflate } from '../range/extent.ts';
import type { Compression } from './header.ts';
import { zstdFrameAt } from './zstd-frame.ts';

const inflateRawAsync = promisify(inflateRaw);
const zstdDecompressAsync = promisify(zstdDecompress);
/** RFC 8878 asks a decoder for windows of 8 MiB; a frame that wants more memory is refused. */
const mostWindowLog = 23;
/** QEMU writes one frame a cluster. Each costs a call of zlib, and the smallest is nine bytes: a cluster of only those would hold a worker for minutes. */
const mostZstdFrames = 64;

/** Inflates compressed clusters on libuv's threads, never to more than one cluster; what follows the data in its last sector is ignored. */
export function clusterInflater(compression: Compression, clusterSizeBytes: number): Inflate {
  const inflate = compression === 'zstd' ? inflateZstd : inflateDeflate;
  return async (stored, host) => {
    let cluster: Uint8Array;
    try {
      cluster = await inflate(stored, clusterSizeBytes);
    } catch (error) {
      throw new CorruptDisk(
        'a compressed cluster that does not inflate',
        { fileOffset: host },
        error,
      );
    }
    if (cluster.length !== clusterSizeBytes) {
      const what = `a compressed cluster that inflates to ${cluster.length} bytes`;
      throw new CorruptDisk(what, { fileOffset: host });
    }
    return cluster;
  };
}

/** A chunk that holds all the output and one byte more: with a smaller one zlib returns to this thread once per chunk. */
function outputLimits(bytes: number): { chunkSize: number; maxOutputLength: number } {
  return { chunkSize: Math.max(constants.Z_MIN_CHUNK, bytes + 1), maxOutputLength: bytes };
}

async function inflateDeflate(stored: Uint8Array, clusterSizeBytes: number): Promise<Uint8Array> {
  return inflateRawAsync(stored, {
    ...outputLimits(clusterSizeBytes),
    // As in QEMU, the cluster must be complete, not the stream: its end mark may be missing.
    finishFlush: constants.Z_SYNC_FLUSH,
  });
}

async function inflateZstd(stored: Uint8Array, clusterSizeBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let missing = clusterSizeBytes;
  let at = 0;
  while (missing > 0) {
    const frame = zstdFrameAt(stored, at);
    if (frame === undefined) break;
    const start = at;
    at += frame.lengthBytes;
    if (frame.isSkippable) continue;
    if (parts.length === mostZstdFrames) throw new Error(`more than ${mostZstdFrames} frames`);
    const part = await zstdDecompressAsync(stored.subarray(start, at), {
      ...outputLimits(missing),
      params: { [constants.ZSTD_d_windowLogMax]: mostWindowLog },
    });
    parts.push(part);
    missing -= part.length;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
