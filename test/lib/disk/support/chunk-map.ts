import type { ChunkMap, FileExtent, ImageFileLayout } from '../../../../lib/disk/disk.ts';

/** A disk with its chunk map: chunks of zeros are its holes. */
export class MappedDisk implements ChunkMap {
  readonly guestSizeBytes: number;
  readonly chunkSizeBytes: number;
  readonly chunksPerSegment: number;
  readonly bytes: Buffer;
  readonly #holes: readonly boolean[];
  bitmapsAsked = 0;

  constructor(
    bytes: Buffer,
    holes: readonly boolean[],
    chunkSizeBytes: number,
    chunksPerSegment: number,
  ) {
    this.bytes = bytes;
    this.guestSizeBytes = bytes.length;
    this.chunkSizeBytes = chunkSizeBytes;
    this.chunksPerSegment = chunksPerSegment;
    this.#holes = holes;
    for (const [chunk, isHole] of holes.entries()) {
      if (isHole) bytes.subarray(chunk * chunkSizeBytes, (chunk + 1) * chunkSizeBytes).fill(0);
    }
  }

  nonHoleCount(segment: number): number {
    return this.#segment(segment).filter((isHole) => !isHole).length;
  }

  async bitmap(segment: number): Promise<Uint8Array> {
    this.bitmapsAsked += 1;
    const bitmap = new Uint8Array(Math.ceil(this.chunksPerSegment / 8));
    for (const [chunk, isHole] of this.#segment(segment).entries()) {
      if (!isHole) bitmap[chunk >> 3]! |= 1 << (chunk & 7);
    }
    return bitmap;
  }

  /** A chunk's bytes from `start` on, zeros behind its end, as a writer has to fill an extent. */
  chunk(chunk: number, start: number, length: number): Buffer {
    const from = chunk * this.chunkSizeBytes + start;
    const to = Math.min(from + length, (chunk + 1) * this.chunkSizeBytes);
    return Buffer.concat([this.bytes.subarray(from, to), Buffer.alloc(length)]).subarray(0, length);
  }

  #segment(segment: number): readonly boolean[] {
    const first = segment * this.chunksPerSegment;
    return this.#holes.slice(first, first + this.chunksPerSegment);
  }
}

/** Assembles `[offset, offset + length)` of the file. */
export async function assemble(
  layout: ImageFileLayout,
  disk: { chunk(chunk: number, start: number, length: number): Uint8Array },
  offset = 0,
  length = layout.fileSizeBytes - offset,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const extent of layout.extents(offset, length)) parts.push(contentOf(extent, disk));
  return Buffer.concat(parts);
}

export function contentOf(
  extent: FileExtent,
  disk: { chunk(chunk: number, start: number, length: number): Uint8Array },
): Uint8Array {
  if (extent.kind === 'bytes') return extent.bytes;
  if (extent.kind === 'zeros') return Buffer.alloc(extent.length);
  return disk.chunk(extent.chunk, extent.start, extent.length);
}
