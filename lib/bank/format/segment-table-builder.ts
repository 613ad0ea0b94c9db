import { CHUNK_ID_BYTES } from './chunk.ts';
import { type ChunkLocation, encodingNumber } from './pack-layout.ts';
import { encodeSegment } from './segment-codec.ts';
import {
  ENCODING_AT,
  ENTRY_BYTES,
  HOLE,
  OFFSET_AT,
  PACK_AT,
  SLOT_AT,
  STORED_LENGTH_AT,
} from './segment-layout.ts';
import { SegmentTable } from './segment-table.ts';

/** Makes a segment's table, chunk by chunk in any order. What is not set is a hole. */
export class SegmentTableBuilder {
  readonly #disk: number;
  readonly #segment: number;
  readonly #entries: Buffer;
  readonly #packs = new Map<string, number>();

  constructor(disk: number, segment: number, chunkCount: number) {
    this.#disk = disk;
    this.#segment = segment;
    this.#entries = Buffer.alloc(chunkCount * ENTRY_BYTES);
    for (let at = PACK_AT; at < this.#entries.length; at += ENTRY_BYTES) {
      this.#entries.writeUInt32BE(HOLE, at);
    }
  }

  set(index: number, id: Uint8Array, location: ChunkLocation): void {
    const at = index * ENTRY_BYTES;
    this.#entries.set(id.subarray(0, CHUNK_ID_BYTES), at);
    this.#entries.writeUInt32BE(this.#packNumber(location.pack), at + PACK_AT);
    this.#entries.writeUInt32BE(location.offset, at + OFFSET_AT);
    this.#entries.writeUInt32BE(location.storedLength, at + STORED_LENGTH_AT);
    this.#entries.writeUInt16BE(location.slot, at + SLOT_AT);
    this.#entries.writeUInt8(encodingNumber(location.encoding), at + ENCODING_AT);
  }

  table(): SegmentTable {
    return new SegmentTable(this.#disk, this.#segment, [...this.#packs.keys()], this.#entries);
  }

  /** The table as it is wrapped and stored. */
  encode(): Buffer {
    return encodeSegment(this.table(), this.#entries);
  }

  #packNumber(pack: string): number {
    const known = this.#packs.get(pack);
    if (known !== undefined) return known;
    const number = this.#packs.size;
    this.#packs.set(pack, number);
    return number;
  }
}
