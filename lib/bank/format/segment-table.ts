import { CHUNK_ID_BYTES } from './chunk.ts';
import { segmentHash } from './merkle.ts';
import { type ChunkLocation, encodingOf } from './pack-layout.ts';
import {
  ENCODING_AT,
  ENTRY_BYTES,
  HOLE,
  OFFSET_AT,
  PACK_AT,
  SLOT_AT,
  STORED_LENGTH_AT,
} from './segment-layout.ts';

/** How much of a pack is referred to. */
export interface Liveness {
  chunks: number;
  bytes: number;
}

/** What a segment consists of: for each chunk a hole, or its id and where it is stored. Kept as it is written, 48 bytes a chunk. */
export class SegmentTable {
  readonly disk: number;
  readonly segment: number;
  /** Full keys of the packs that the entries refer to. */
  readonly packs: readonly string[];
  readonly chunkCount: number;
  readonly #entries: Buffer;

  constructor(disk: number, segment: number, packs: readonly string[], entries: Buffer) {
    this.disk = disk;
    this.segment = segment;
    this.packs = packs;
    this.#entries = entries;
    this.chunkCount = entries.length / ENTRY_BYTES;
  }

  isHole(index: number): boolean {
    return this.#entries.readUInt32BE(index * ENTRY_BYTES + PACK_AT) === HOLE;
  }

  /** The chunk's id, all zero for a hole. A view, not a copy. */
  id(index: number): Buffer {
    const at = index * ENTRY_BYTES;
    return this.#entries.subarray(at, at + CHUNK_ID_BYTES);
  }

  /** Whether the chunk holds data with this id. */
  holds(index: number, id: Uint8Array): boolean {
    const at = index * ENTRY_BYTES;
    return (
      this.#entries.compare(id, 0, CHUNK_ID_BYTES, at, at + CHUNK_ID_BYTES) === 0 &&
      !this.isHole(index)
    );
  }

  /** Where the chunk is stored; undefined for a hole. */
  location(index: number): ChunkLocation | undefined {
    const at = index * ENTRY_BYTES;
    const pack = this.packs[this.#entries.readUInt32BE(at + PACK_AT)];
    const encoding = encodingOf(this.#entries.readUInt8(at + ENCODING_AT));
    if (pack === undefined || encoding === undefined) return undefined;
    return {
      pack,
      slot: this.#entries.readUInt16BE(at + SLOT_AT),
      offset: this.#entries.readUInt32BE(at + OFFSET_AT),
      storedLength: this.#entries.readUInt32BE(at + STORED_LENGTH_AT),
      encoding,
    };
  }

  get nonHoleCount(): number {
    let count = 0;
    for (let index = 0; index < this.chunkCount; index++) if (!this.isHole(index)) count++;
    return count;
  }

  /** One bit a chunk, least significant first: 1 = holds data. */
  bitmap(): Uint8Array {
    const bitmap = new Uint8Array(Math.ceil(this.chunkCount / 8));
    for (let index = 0; index < this.chunkCount; index++) {
      if (this.isHole(index)) continue;
      bitmap[index >>> 3] = (bitmap[index >>> 3] ?? 0) | (1 << (index & 7));
    }
    return bitmap;
  }

  /** The segment's leaf in the Merkle tree. */
  hash(): string {
    const ids = Buffer.allocUnsafe(this.chunkCount * CHUNK_ID_BYTES);
    for (let index = 0; index < this.chunkCount; index++) {
      ids.set(this.id(index), index * CHUNK_ID_BYTES);
    }
    return segmentHash(ids);
  }

  /** How much of each pack is referred to; a slot that several chunks share counts once. */
  liveness(): Map<string, Liveness> {
    const seen = new Set<string>();
    const packs = new Map<string, Liveness>();
    for (let index = 0; index < this.chunkCount; index++) {
      const location = this.location(index);
      if (location === undefined) continue;
      const slot = `${location.slot} ${location.pack}`;
      if (seen.has(slot)) continue;
      seen.add(slot);
      const live = packs.get(location.pack) ?? { chunks: 0, bytes: 0 };
      live.chunks++;
      live.bytes += location.storedLength;
      packs.set(location.pack, live);
    }
    return packs;
  }
}
