import { orderedMap } from '../../disk/range/ordered-map.ts';
import type { ChunkFault, ChunkReader } from './chunk-reader.ts';

const BATCH_BYTES = 8 * 2 ** 20;
const BATCHES_AHEAD = 4;

/** A chunk that holds data: its plain bytes, or what is wrong with it. */
export interface DataChunk {
  readonly chunk: number;
  readonly guestAddress: number;
  readonly outcome: Uint8Array | ChunkFault;
}

/**
 * Really reads the chunks `[start, end)` that hold data, ascending, and reports those that cannot be had instead of stopping at them.
 * Throws where a whole segment cannot be read (`ObjectDamaged`, `ObjectNotFound`), or the store does not answer.
 */
export async function* readDataChunks(
  reader: ChunkReader,
  start: number,
  end: number,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<DataChunk, void, undefined> {
  const { chunkSizeBytes } = reader.geometry;
  const batches = orderedMap(
    () => batchesOf(reader, start, end),
    (chunks, signal) => reader.read(chunks, signal),
    { ahead: BATCHES_AHEAD, ...options },
  );
  for await (const outcomes of batches) {
    for (const [chunk, outcome] of outcomes) {
      if (outcome !== null) yield { chunk, guestAddress: chunk * chunkSizeBytes, outcome };
    }
  }
}

async function* batchesOf(
  reader: ChunkReader,
  start: number,
  end: number,
): AsyncGenerator<number[], void, undefined> {
  const { chunkSizeBytes, chunksPerSegment } = reader.geometry;
  const most = Math.max(1, Math.floor(BATCH_BYTES / chunkSizeBytes));
  let batch: number[] = [];
  for (let segment = Math.floor(start / chunksPerSegment); ; segment++) {
    const first = segment * chunksPerSegment;
    if (first >= Math.min(end, reader.chunkCount)) break;
    if (reader.map.nonHoleCount(segment) === 0) continue;
    const table = await reader.table(segment);
    for (let index = 0; index < table.chunkCount; index++) {
      const chunk = first + index;
      if (chunk < start || chunk >= end || table.isHole(index)) continue;
      batch.push(chunk);
      if (batch.length < most) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
