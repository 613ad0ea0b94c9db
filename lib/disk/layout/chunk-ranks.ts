import type { ChunkMap } from '../disk.ts';
import { InconsistentChunkMap } from '../errors.ts';

/** Bitmaps kept: those of a part of the file and of the tables that it is among. 512 bytes each for segments of 4096 chunks. */
const cachedBitmaps = 64;

/** Numbers the chunks that are not holes, in guest order: a chunk's rank says where it lies in a file that leaves out holes. */
export class ChunkRanks {
  readonly chunks: number;
  readonly segments: number;
  readonly #map: ChunkMap;
  /** Chunks with data before each segment, and at last in all. */
  readonly #before: Float64Array;
  readonly #bitmaps = new Map<number, Uint8Array>();

  constructor(map: ChunkMap) {
    this.#map = map;
    this.chunks = Math.ceil(map.guestSizeBytes / map.chunkSizeBytes);
    this.segments = Math.ceil(this.chunks / map.chunksPerSegment);
    this.#before = new Float64Array(this.segments + 1);
    for (let segment = 0; segment < this.segments; segment += 1) {
      this.#before[segment + 1] = this.#before[segment]! + map.nonHoleCount(segment);
    }
  }

  /** Chunks that hold data, in all. */
  get dataChunks(): number {
    return this.before(this.segments);
  }

  /** Chunks with data before this segment. */
  before(segment: number): number {
    return this.#before[segment]!;
  }

  /** Chunks with data and their ranks, of `[start, end)` of all chunks, ascending. Bitmaps are loaded only where there are any. */
  async *inChunks(start: number, end: number, signal?: AbortSignal): AsyncGenerator<RankedChunk> {
    const { chunksPerSegment } = this.#map;
    for (let segment = Math.floor(start / chunksPerSegment); ; segment += 1) {
      const first = segment * chunksPerSegment;
      if (first >= Math.min(end, this.chunks)) return;
      if (this.#count(segment) === 0) continue;
      const bitmap = await this.#bitmap(segment, signal);
      for (const ranked of numbered(bitmap, first, this.before(segment))) {
        if (ranked.chunk >= end) return;
        if (ranked.chunk >= start) yield ranked;
      }
    }
  }

  /** The chunks of ranks `[start, end)`. */
  async *inRanks(start: number, end: number, signal?: AbortSignal): AsyncGenerator<RankedChunk> {
    for (let segment = this.#segmentOf(start); segment < this.segments; segment += 1) {
      if (this.before(segment) >= end) return;
      if (this.#count(segment) === 0) continue;
      const bitmap = await this.#bitmap(segment, signal);
      const first = segment * this.#map.chunksPerSegment;
      for (const ranked of numbered(bitmap, first, this.before(segment))) {
        if (ranked.rank >= end) return;
        if (ranked.rank >= start) yield ranked;
      }
    }
  }

  #count(segment: number): number {
    return this.before(segment + 1) - this.before(segment);
  }

  /** The segment that holds the chunk of this rank: the last one with no more chunks before it. */
  #segmentOf(rank: number): number {
    let low = 0;
    let high = this.segments;
    while (low + 1 < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.before(middle) <= rank) low = middle;
      else high = middle;
    }
    return low;
  }

  async #bitmap(segment: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const cached = this.#bitmaps.get(segment);
    if (cached !== undefined) return cached;
    const bitmap = await this.#map.bitmap(segment, signal);
    this.#check(segment, bitmap);
    this.#bitmaps.set(segment, bitmap);
    for (const oldest of this.#bitmaps.keys()) {
      if (this.#bitmaps.size <= cachedBitmaps) break;
      this.#bitmaps.delete(oldest);
    }
    return bitmap;
  }

  /** A count that is wrong would shift all that follows in the file, which is written from several places at once. */
  #check(segment: number, bitmap: Uint8Array): void {
    const { chunksPerSegment } = this.#map;
    const chunks = Math.min(chunksPerSegment, this.chunks - segment * chunksPerSegment);
    const counted = this.#count(segment);
    let set = 0;
    let last = -1;
    for (const { chunk } of numbered(bitmap, 0, 0)) {
      set += 1;
      last = chunk;
    }
    if (set !== counted) {
      throw new InconsistentChunkMap(segment, `has ${set} chunks with data, not ${counted}`);
    }
    if (last >= chunks) {
      throw new InconsistentChunkMap(segment, `has ${chunks} chunks, and data in chunk ${last}`);
    }
  }
}

export interface RankedChunk {
  readonly chunk: number;
  readonly rank: number;
}

function* numbered(
  bitmap: Uint8Array,
  firstChunk: number,
  firstRank: number,
): Generator<RankedChunk, void, undefined> {
  let rank = firstRank;
  for (const [index, byte] of bitmap.entries()) {
    if (byte === 0) continue;
    for (let bit = 0; bit < 8; bit += 1) {
      if (((byte >> bit) & 1) === 0) continue;
      yield { chunk: firstChunk + index * 8 + bit, rank };
      rank += 1;
    }
  }
}
