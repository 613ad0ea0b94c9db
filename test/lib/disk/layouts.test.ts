import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChunkMap } from '../../../lib/disk/disk.ts';
import { decodeStream } from '../../../lib/disk/decode-stream.ts';
import { openDisk } from '../../../lib/disk/open-disk.ts';
import { qcow2Layout } from '../../../lib/disk/qcow2-layout.ts';
import { rawLayout } from '../../../lib/disk/raw-layout.ts';
import { InvalidInput } from '../../../lib/errors.ts';
import { assemble, MappedDisk } from './support/chunk-map.ts';
import { collect } from './support/collect.ts';
import { MemorySource, streamOf } from './support/memory-source.ts';
import { Random } from './support/random.ts';

const mappedDisks = fc
  .record({
    seed: fc.nat(),
    chunkBits: fc.constantFrom(9, 10, 12),
    chunksPerSegment: fc.constantFrom(1, 3, 8, 64, 100),
    chunks: fc.nat(300),
    cut: fc.nat(511),
    density: fc.constantFrom(0, 0.02, 0.5, 0.98, 1),
  })
  .map(({ seed, chunkBits, chunksPerSegment, chunks, cut, density }) => {
    const random = new Random(seed);
    const size = Math.max(0, chunks * 2 ** chunkBits - cut);
    const holes = Array.from({ length: chunks }, () => !random.chance(density));
    return new MappedDisk(random.bytes(size), holes, 2 ** chunkBits, chunksPerSegment);
  });

describe.each([
  ['rawLayout', rawLayout],
  ['qcow2Layout', qcow2Layout],
])('%s', (_, layoutOf) => {
  it('gives any range of the file as the whole has it', async () => {
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(mappedDisks, cuts, async (disk, cuts) => {
        const layout = layoutOf(disk);
        const whole = await assemble(layout, disk);
        expect(whole).toHaveLength(layout.fileSizeBytes);

        const places = cuts.map((cut) => Math.floor(cut * layout.fileSizeBytes));
        const ends = [...places.sort((a, b) => a - b), layout.fileSizeBytes];
        const parts = await Promise.all(
          ends.map(async (end, index) => {
            const start = index === 0 ? 0 : ends[index - 1]!;
            // A new layout each time: parts are produced by processes that know nothing of each other.
            return assemble(index % 2 === 0 ? layout : layoutOf(disk), disk, start, end - start);
          }),
        );
        expect(Buffer.concat(parts).equals(whole)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses ranges outside the file', () => {
    const layout = layoutOf(new MappedDisk(Buffer.alloc(1024), [false, false], 512, 8));
    for (const [offset, length] of [
      [-1, 1],
      [0, layout.fileSizeBytes + 1],
      [layout.fileSizeBytes, 1],
      [0.5, 1],
      [0, -1],
    ] as const) {
      expect(() => layout.extents(offset, length)).toThrow(InvalidInput);
    }
  });

  it('finds a map that contradicts itself', async () => {
    const disk = new MappedDisk(Buffer.alloc(16 * 512, 1), Array<boolean>(16).fill(false), 512, 8);
    for (const bitmap of [new Uint8Array([0xfe]), new Uint8Array([0xfe, 0x01])]) {
      const map: ChunkMap = {
        guestSizeBytes: disk.guestSizeBytes,
        chunkSizeBytes: 512,
        chunksPerSegment: 8,
        nonHoleCount: () => 8,
        bitmap: async () => bitmap,
      };
      await expect(assemble(layoutOf(map), disk)).rejects.toMatchObject({
        name: 'InconsistentChunkMap',
      });
    }
  });
});

describe('rawLayout', () => {
  it('is the disk, its holes extents of zeros', async () => {
    await fc.assert(
      fc.asyncProperty(mappedDisks, async (disk) => {
        expect((await assemble(rawLayout(disk), disk)).equals(disk.bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('asks for no bitmap where there is only hole, and makes one extent of it', async () => {
    const extents: unknown[] = [];
    const map = sparseMap(2 ** 41, (segment) => segment === 1024);
    for await (const extent of rawLayout(map).extents(0, 2 ** 41)) extents.push(extent);

    expect(extents).toEqual([
      { kind: 'zeros', length: 2 ** 40 },
      { kind: 'chunk', chunk: 2 ** 22, start: 0, length: 2 ** 18 },
      { kind: 'zeros', length: 2 ** 40 - 2 ** 18 },
    ]);
    expect(map.asked).toEqual([1024]);
  });
});

describe('qcow2Layout', () => {
  it('reads back as the same disk, by ranges and in one pass, holes as holes', async () => {
    await fc.assert(
      fc.asyncProperty(mappedDisks, async (disk) => {
        const file = await assemble(qcow2Layout(disk), disk);
        const size = Math.ceil(disk.guestSizeBytes / 512) * 512;
        const expected = Buffer.concat([disk.bytes, Buffer.alloc(size - disk.bytes.length)]);
        const holes: number[] = [];
        for (let chunk = 0; chunk * disk.chunkSizeBytes < size; chunk += 1) {
          const bitmap = await disk.bitmap(Math.floor(chunk / disk.chunksPerSegment));
          const within = chunk % disk.chunksPerSegment;
          if (((bitmap[within >> 3]! >> (within & 7)) & 1) === 0)
            holes.push(chunk * disk.chunkSizeBytes);
        }

        const pieceBytes = disk.chunkSizeBytes;
        const opened = await openDisk(new MemorySource(file), 'qcow2');
        expect(opened.guestSizeBytes).toBe(size);
        const ranged = await collect(
          opened.readRange(0, size, { pieceBytes }),
          0,
          size,
          pieceBytes,
        );
        const decoded = await decodeStream(streamOf(file), {
          declaredFormat: 'qcow2',
          fileSizeBytes: file.length,
          pieceBytes,
          lookAsideBytes: 0,
        });
        const streamed = await collect(decoded.pieces, 0, size, pieceBytes);
        for (const read of [ranged, streamed]) {
          expect(read.bytes.equals(expected)).toBe(true);
          expect(read.holes).toEqual(holes);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('knows the size of the file without a single bitmap, and of a part asks only for its own', async () => {
    const map = sparseMap(2 ** 41, (segment) => segment % 64 === 0);
    const layout = qcow2Layout(map);
    expect(map.asked).toEqual([]);

    // Header, refcount table and block, L1 table, an L2 table for each 8 GiB that holds data, and 32 chunks.
    const clusters = 4 + 32 + 32;
    expect(layout.fileSizeBytes).toBe(clusters * 2 ** 18);
    const extents: unknown[] = [];
    for await (const extent of layout.extents(67 * 2 ** 18, 2 ** 18)) extents.push(extent);
    expect(extents).toEqual([{ kind: 'chunk', chunk: 31 * 64 * 4096, start: 0, length: 2 ** 18 }]);
    expect(map.asked).toEqual([31 * 64]);
  });

  it('lays out a full disk of 16 TiB with many refcount blocks and L2 tables', async () => {
    const map = sparseMap(2 ** 44, () => true, 4096);
    const layout = qcow2Layout(map);
    const data = 2 ** 26;
    const l2Tables = 2 ** 11;

    expect(layout.fileSizeBytes / 2 ** 18).toBe(1 + 1 + 513 + 1 + l2Tables + data);
    const last: unknown[] = [];
    for await (const extent of layout.extents(layout.fileSizeBytes - 2 ** 18, 2 ** 18))
      last.push(extent);
    expect(last).toEqual([{ kind: 'chunk', chunk: data - 1, start: 0, length: 2 ** 18 }]);
  });

  it('refuses chunks that are no clusters, and disks that QEMU would not open', () => {
    const map = {
      guestSizeBytes: 2 ** 20,
      chunksPerSegment: 8,
      nonHoleCount: () => 0,
      bitmap: async () => new Uint8Array(1),
    };
    for (const chunkSizeBytes of [256, 1000, 2 ** 22]) {
      expect(() => qcow2Layout({ ...map, chunkSizeBytes })).toThrow(InvalidInput);
    }
    expect(() =>
      qcow2Layout({
        ...map,
        chunkSizeBytes: 512,
        chunksPerSegment: 2 ** 24,
        guestSizeBytes: 2 ** 40,
      }),
    ).toThrow(InvalidInput);
  });
});

/** A map of 1 GiB segments, of which those with data hold as many chunks as given, the first ones. */
function sparseMap(
  guestSizeBytes: number,
  hasData: (segment: number) => boolean,
  chunks = 1,
): ChunkMap & { asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    guestSizeBytes,
    chunkSizeBytes: 2 ** 18,
    chunksPerSegment: 4096,
    nonHoleCount: (segment) => (hasData(segment) ? chunks : 0),
    bitmap: async (segment) => {
      asked.push(segment);
      const bitmap = new Uint8Array(512);
      if (chunks === 1) bitmap[0] = 1;
      else bitmap.fill(0xff);
      return bitmap;
    },
  };
}
