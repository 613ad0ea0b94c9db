import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ObjectDamaged } from '../../../../lib/bank/errors.ts';
import { type ChunkLocation, PACK_HEADER_BYTES } from '../../../../lib/bank/format/pack-layout.ts';
import { decodeSegment } from '../../../../lib/bank/format/segment-codec.ts';
import { maxTableBytes } from '../../../../lib/bank/format/segment-layout.ts';
import { SegmentTableBuilder } from '../../../../lib/bank/format/segment-table-builder.ts';
import { packKey } from '../../../../lib/bank/object-keys.ts';
import { noise } from '../random.ts';

const CHUNKS = 16;
const expected = {
  key: 'segments/x',
  disk: 2,
  segment: 5,
  chunkCount: CHUNKS,
  chunkSizeBytes: 262_144,
};

function packNumber(n: number): string {
  const attempt = { checkpoint: 'ab'.repeat(12), disk: 2, segment: 5, attempt: 'cd'.repeat(8) };
  return packKey(attempt, n);
}

const location: fc.Arbitrary<ChunkLocation> = fc.record({
  pack: fc.nat(20).map(packNumber),
  slot: fc.nat(65_535),
  offset: fc.integer({ min: PACK_HEADER_BYTES, max: 60_000_000 }),
  storedLength: fc.integer({ min: 1, max: 262_160 }),
  encoding: fc.constantFrom('raw', 'zstd'),
});

const chunks = fc.array(
  fc.option(fc.record({ location, id: fc.uint8Array({ minLength: 32, maxLength: 32 }) })),
  {
    minLength: CHUNKS,
    maxLength: CHUNKS,
  },
);

function built(entries: readonly ({ id: Uint8Array; location: ChunkLocation } | null)[]) {
  const builder = new SegmentTableBuilder(2, 5, CHUNKS);
  for (const [index, entry] of entries.entries()) {
    if (entry !== null) builder.set(index, entry.id, entry.location);
  }
  return builder;
}

const some = [
  {
    id: noise(32, 1),
    location: { pack: packNumber(0), slot: 0, offset: 92, storedLength: 10, encoding: 'raw' },
  },
  null,
  {
    id: noise(32, 2),
    location: { pack: packNumber(1), slot: 7, offset: 500, storedLength: 99, encoding: 'zstd' },
  },
] as const;

describe('a segment’s table', () => {
  it('comes back as it was built', () => {
    fc.assert(
      fc.property(chunks, (entries) => {
        const bytes = built(entries).encode();

        const table = decodeSegment(bytes, expected);

        expect(bytes.length).toBeLessThanOrEqual(maxTableBytes(CHUNKS));
        expect(table.chunkCount).toBe(CHUNKS);
        for (const [index, entry] of entries.entries()) {
          expect(table.isHole(index)).toBe(entry === null);
          expect(table.location(index)).toEqual(entry?.location);
          expect(new Uint8Array(table.id(index))).toEqual(entry?.id ?? new Uint8Array(32));
          expect(table.holds(index, entry?.id ?? new Uint8Array(32))).toBe(entry !== null);
        }
        const data = entries.filter((entry) => entry !== null).length;
        expect(table.nonHoleCount).toBe(data);
        const bits = [...table.bitmap()].flatMap((byte) =>
          [...Array(8).keys()].map((n) => (byte >> n) & 1),
        );
        expect(bits).toEqual(entries.map((entry) => (entry === null ? 0 : 1)));
      }),
      { numRuns: 50 },
    );
  });

  it('counts a slot that several chunks share once', () => {
    const shared = some[0];
    const table = built([shared, null, shared, some[2]]).table();

    expect([...table.liveness()]).toEqual([
      [packNumber(0), { chunks: 1, bytes: 10 }],
      [packNumber(1), { chunks: 1, bytes: 99 }],
    ]);
  });

  it('is believed in no part that cannot be', () => {
    const start = built(some).encode();
    const entries = start.length - CHUNKS * 48;
    const forgeries: [string, (bytes: Buffer) => void][] = [
      ['another disk', (bytes) => bytes.writeUInt32BE(3, 0)],
      ['another segment', (bytes) => bytes.writeUInt32BE(6, 4)],
      ['more chunks', (bytes) => bytes.writeUInt32BE(0xffff_ffff, 8)],
      ['more packs', (bytes) => bytes.writeUInt32BE(0xffff_ffff, 12)],
      ['fewer packs', (bytes) => bytes.writeUInt32BE(1, 12)],
      ['a longer key', (bytes) => bytes.writeUInt16BE(0xffff, 16)],
      ['a key elsewhere', (bytes) => bytes.write('../../', 18, 'latin1')],
      ['a pack that is not in the table', (bytes) => bytes.writeUInt32BE(2, entries + 32)],
      ['an offset in the header', (bytes) => bytes.writeUInt32BE(91, entries + 36)],
      ['an offset past the largest pack', (bytes) => bytes.writeUInt32BE(2 ** 26, entries + 36)],
      ['nothing stored', (bytes) => bytes.writeUInt32BE(0, entries + 40)],
      ['more stored than a chunk can take', (bytes) => bytes.writeUInt32BE(262_161, entries + 40)],
      ['an unknown encoding', (bytes) => bytes.writeUInt8(2, entries + 46)],
      ['something reserved', (bytes) => bytes.writeUInt8(1, entries + 47)],
      ['a hole with an id', (bytes) => bytes.writeUInt8(1, entries + 48)],
      ['a hole with a length', (bytes) => bytes.writeUInt8(1, entries + 48 + 43)],
    ];
    for (const [what, forge] of forgeries) {
      const forged = Buffer.from(start);
      forge(forged);
      expect(() => decodeSegment(forged, expected), what).toThrow(ObjectDamaged);
    }
    for (const length of [0, 15, 16, 17, 60, start.length - 1]) {
      expect(() => decodeSegment(start.subarray(0, length), expected)).toThrow(ObjectDamaged);
    }
    expect(() => decodeSegment(Buffer.concat([start, Buffer.alloc(1)]), expected)).toThrow(
      ObjectDamaged,
    );
  });

  it('throws nothing but ObjectDamaged at random bytes', () => {
    const start = built(some).encode();
    fc.assert(
      fc.property(
        fc.nat(start.length - 1),
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        (at, garbage) => {
          const forged = Buffer.from(start);
          forged.set(garbage.subarray(0, forged.length - at), at);
          try {
            decodeSegment(forged, expected);
          } catch (error) {
            expect(error).toBeInstanceOf(ObjectDamaged);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
