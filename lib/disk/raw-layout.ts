import type { ChunkMap, FileExtent, ImageFileLayout } from './disk.ts';
import { ChunkRanks } from './layout/chunk-ranks.ts';
import { checkFileRange } from './layout/file-range.ts';

/**
 * The disk's addresses as a file: a raw image, or the very file that an opaque disk was read from. Holes are one extent of zeros each,
 * however long.
 */
export function rawLayout(map: ChunkMap): ImageFileLayout {
  const ranks = new ChunkRanks(map);
  return {
    fileSizeBytes: map.guestSizeBytes,
    extents(offset, length, signal) {
      checkFileRange(offset, length, map.guestSizeBytes);
      return rawExtents(map, ranks, offset, length, signal);
    },
  };
}

async function* rawExtents(
  { chunkSizeBytes }: ChunkMap,
  ranks: ChunkRanks,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<FileExtent> {
  const end = offset + length;
  const firstChunk = Math.floor(offset / chunkSizeBytes);
  const endChunk = Math.ceil(end / chunkSizeBytes);
  let done = offset;
  for await (const { chunk } of ranks.inChunks(firstChunk, endChunk, signal)) {
    const from = Math.max(offset, chunk * chunkSizeBytes);
    const to = Math.min(end, (chunk + 1) * chunkSizeBytes);
    if (done < from) yield { kind: 'zeros', length: from - done };
    yield { kind: 'chunk', chunk, start: from - chunk * chunkSizeBytes, length: to - from };
    done = to;
  }
  if (done < end) yield { kind: 'zeros', length: end - done };
}
