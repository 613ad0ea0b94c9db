import { ObjectDamaged } from '../errors.ts';
import { CHUNK_ID_BYTES } from './chunk.ts';
import { TAG_BYTES } from './gcm.ts';
import { encodingOf, MAX_PACK_BYTES, PACK_HEADER_BYTES } from './pack-layout.ts';
import {
  ENCODING_AT,
  ENTRY_BYTES,
  HOLE,
  MAX_PACK_KEY_BYTES,
  OFFSET_AT,
  PACK_AT,
  PACK_KEY,
  PACK_KEY_LENGTH_BYTES,
  STORED_LENGTH_AT,
  TABLE_HEADER_BYTES,
} from './segment-layout.ts';
import { SegmentTable } from './segment-table.ts';

/** What a reader knows of a segment before it reads the table. */
export interface ExpectedSegment {
  /** Full key of the object, for messages. */
  readonly key: string;
  readonly disk: number;
  readonly segment: number;
  readonly chunkCount: number;
  readonly chunkSizeBytes: number;
}

export function encodeSegment(
  { disk, segment, packs }: Pick<SegmentTable, 'disk' | 'segment' | 'packs'>,
  entries: Uint8Array,
): Buffer {
  const header = Buffer.alloc(TABLE_HEADER_BYTES);
  header.writeUInt32BE(disk);
  header.writeUInt32BE(segment, 4);
  header.writeUInt32BE(entries.length / ENTRY_BYTES, 8);
  header.writeUInt32BE(packs.length, 12);
  const keys = packs.flatMap((pack) => {
    const length = Buffer.alloc(PACK_KEY_LENGTH_BYTES);
    length.writeUInt16BE(pack.length);
    return [length, Buffer.from(pack, 'latin1')];
  });
  return Buffer.concat([header, ...keys, entries]);
}

/** Reads a table and believes none of it unchecked. Throws `ObjectDamaged`. */
export function decodeSegment(bytes: Buffer, expected: ExpectedSegment): SegmentTable {
  const { disk, segment, chunkCount } = expected;
  if (bytes.length < TABLE_HEADER_BYTES) throw damaged(expected, 'it is cut');
  if (bytes.readUInt32BE(0) !== disk || bytes.readUInt32BE(4) !== segment) {
    throw damaged(expected, 'it is the table of another segment');
  }
  if (bytes.readUInt32BE(8) !== chunkCount) {
    throw damaged(expected, `it has ${bytes.readUInt32BE(8)} chunks instead of ${chunkCount}`);
  }
  const { packs, end } = decodePacks(bytes, expected);
  const entries = bytes.subarray(end);
  if (entries.length !== chunkCount * ENTRY_BYTES) throw damaged(expected, 'its length is wrong');
  for (let index = 0; index < chunkCount; index++) checkEntry(entries, index, packs, expected);
  return new SegmentTable(disk, segment, packs, entries);
}

function decodePacks(bytes: Buffer, expected: ExpectedSegment): { packs: string[]; end: number } {
  const count = bytes.readUInt32BE(12);
  if (count > expected.chunkCount) throw damaged(expected, `it claims ${count} packs`);
  const packs: string[] = [];
  let at = TABLE_HEADER_BYTES;
  for (let n = 0; n < count; n++) {
    if (at + PACK_KEY_LENGTH_BYTES > bytes.length) throw damaged(expected, 'it is cut');
    const start = at + PACK_KEY_LENGTH_BYTES;
    const length = bytes.readUInt16BE(at);
    at = start + length;
    const key = length > MAX_PACK_KEY_BYTES ? '' : bytes.toString('latin1', start, at);
    if (!PACK_KEY.test(key)) throw damaged(expected, `pack ${n} has no pack's key`);
    packs.push(key);
  }
  return { packs, end: at };
}

function checkEntry(
  entries: Buffer,
  index: number,
  packs: readonly string[],
  expected: ExpectedSegment,
): void {
  const at = index * ENTRY_BYTES;
  const pack = entries.readUInt32BE(at + PACK_AT);
  if (pack === HOLE) {
    const rest = entries.subarray(at + OFFSET_AT, at + ENTRY_BYTES);
    if (!isZeroFilled(entries.subarray(at, at + CHUNK_ID_BYTES)) || !isZeroFilled(rest)) {
      throw damaged(expected, `chunk ${index} is a hole that says more`);
    }
    return;
  }
  const offset = entries.readUInt32BE(at + OFFSET_AT);
  const storedLength = entries.readUInt32BE(at + STORED_LENGTH_AT);
  const sound =
    pack < packs.length &&
    encodingOf(entries.readUInt8(at + ENCODING_AT)) !== undefined &&
    entries.readUInt8(at + ENTRY_BYTES - 1) === 0 &&
    storedLength > 0 &&
    storedLength <= expected.chunkSizeBytes + TAG_BYTES &&
    offset >= PACK_HEADER_BYTES &&
    offset + storedLength <= MAX_PACK_BYTES;
  if (!sound) throw damaged(expected, `the entry of chunk ${index} cannot be`);
}

function isZeroFilled(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function damaged({ key }: ExpectedSegment, why: string): ObjectDamaged {
  return new ObjectDamaged(`The segment ${key} is not what was written: ${why}.`, {
    identifiers: { key },
  });
}
