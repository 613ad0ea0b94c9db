import type { FileExtent, ImageFileLayout } from '../../disk/disk.ts';
import { orderedMap } from '../../disk/range/ordered-map.ts';
import type { ChunkOutcome, ChunkReader } from './chunk-reader.ts';

const MIB = 2 ** 20;
/** Plain bytes of the chunks that are read together. */
const BATCH_BYTES = 8 * MIB;
const BATCHES_AHEAD = 4;
/** Extents of a batch, however little data they hold. */
const BATCH_EXTENTS = 4096;
const ZEROS = Buffer.alloc(MIB);

export interface ImageFileOptions {
  /** First byte; default 0. */
  readonly offset?: number;
  /** Default: to the end of the file. */
  readonly length?: number;
  readonly signal?: AbortSignal;
}

/**
 * A range of an image file as a stream of at most 1 MiB at a time, read ahead in bounded memory. The pieces must not be changed. Throws
 * `ChunkDamaged` or `PackMissing` at the first chunk that cannot be had: a file with a gap is never handed out whole.
 */
export async function* openImageFile(
  layout: ImageFileLayout,
  reader: ChunkReader,
  { offset = 0, length = layout.fileSizeBytes - offset, signal }: ImageFileOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const batches = orderedMap(
    (inner) => batchesOf(layout.extents(offset, length, inner), reader.geometry.chunkSizeBytes),
    async (extents, inner) => ({ extents, chunks: await reader.read(chunksOf(extents), inner) }),
    { ahead: BATCHES_AHEAD, signal },
  );
  for await (const { extents, chunks } of batches) {
    for (const extent of extents) {
      signal?.throwIfAborted();
      yield* piecesOf(extent, chunks);
    }
  }
}

/** A range of an image file, whole. Throws as `openImageFile` does. */
export async function readFileRange(
  layout: ImageFileLayout,
  reader: ChunkReader,
  offset: number,
  length: number,
  options: { signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  for await (const piece of openImageFile(layout, reader, { offset, length, ...options })) {
    bytes.set(piece, done);
    done += piece.length;
  }
  if (done !== length) throw new RangeError(`The layout gave ${done} of ${length} bytes.`);
  return bytes;
}

async function* batchesOf(
  extents: AsyncIterable<FileExtent>,
  chunkSizeBytes: number,
): AsyncGenerator<FileExtent[], void, undefined> {
  let batch: FileExtent[] = [];
  let chunkBytes = 0;
  for await (const extent of extents) {
    batch.push(extent);
    if (extent.kind === 'chunk') chunkBytes += chunkSizeBytes;
    if (chunkBytes < BATCH_BYTES && batch.length < BATCH_EXTENTS) continue;
    yield batch;
    batch = [];
    chunkBytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function chunksOf(extents: readonly FileExtent[]): number[] {
  return extents.flatMap((extent) => (extent.kind === 'chunk' ? [extent.chunk] : []));
}

function* piecesOf(
  extent: FileExtent,
  chunks: ReadonlyMap<number, ChunkOutcome>,
): Generator<Uint8Array, void, undefined> {
  switch (extent.kind) {
    case 'bytes':
      yield extent.bytes;
      return;
    case 'zeros':
      yield* zeros(extent.length);
      return;
    case 'chunk': {
      const outcome = chunks.get(extent.chunk) ?? null;
      if (outcome instanceof Error) throw outcome;
      const held = outcome?.subarray(extent.start, extent.start + extent.length);
      if (held !== undefined && held.length > 0) yield held;
      yield* zeros(extent.length - (held?.length ?? 0));
    }
  }
}

function* zeros(length: number): Generator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; left -= ZEROS.length) {
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
  }
}
