import { open, readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { ChunkMap } from '../../../lib/disk/disk.ts';
import { qcow2Layout } from '../../../lib/disk/qcow2-layout.ts';
import { assemble, contentOf, MappedDisk } from './support/chunk-map.ts';
import { describeWithQemu, qemuImg, qemuMap, temporaryDirectory } from './support/qemu.ts';
import { Random } from './support/random.ts';

describeWithQemu('qcow2 files that were laid out', () => {
  const directory = temporaryDirectory();

  it.each([
    { chunkBits: 18, size: 9_000_000, density: 0.5 },
    { chunkBits: 18, size: 2 ** 23, density: 1 },
    { chunkBits: 16, size: 1_000_448, density: 0.3 },
    { chunkBits: 12, size: 2 ** 22 + 512, density: 0.9 },
    { chunkBits: 9, size: 300_001, density: 0.5 },
    { chunkBits: 21, size: 5_000_000, density: 0.7 },
    { chunkBits: 18, size: 10_000_000, density: 0 },
    { chunkBits: 18, size: 0, density: 1 },
  ])(
    'are sound and hold the disk: $size bytes in chunks of 2^$chunkBits',
    async ({ chunkBits, size, density }) => {
      const random = new Random(size);
      const chunks = Math.ceil(size / 2 ** chunkBits);
      const holes = Array.from({ length: chunks }, () => !random.chance(density));
      const disk = new MappedDisk(random.bytes(size), holes, 2 ** chunkBits, 64);
      const path = directory.path('laid-out.qcow2');
      const flat = directory.path('flat.raw');
      await writeFile(path, await assemble(qcow2Layout(disk), disk));

      const check = JSON.parse(
        await qemuImg('check', '-f', 'qcow2', '--output=json', path),
      ) as object;
      expect(check).toMatchObject({ 'check-errors': 0 });
      expect(check).not.toHaveProperty('leaks');
      expect(check).not.toHaveProperty('corruptions');
      await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', path, flat);
      const read = await readFile(flat);
      expect(read).toHaveLength(Math.ceil(size / 512) * 512);
      expect(read.subarray(0, size).equals(disk.bytes)).toBe(true);
      expect(read.subarray(size).every((byte) => byte === 0)).toBe(true);
    },
  );

  it('are sound and hold the disk where it is 2 TiB large', async () => {
    const path = directory.path('large.qcow2');
    const random = new Random(3);
    const withData = new Map(
      [0, 5, 700, 1024, 2047].map((segment) => [segment, random.below(4096)]),
    );
    const map: ChunkMap = {
      guestSizeBytes: 2 ** 41,
      chunkSizeBytes: 2 ** 18,
      chunksPerSegment: 4096,
      nonHoleCount: (segment) => (withData.has(segment) ? 1 : 0),
      bitmap: async (segment) => {
        const bitmap = new Uint8Array(512);
        const chunk = withData.get(segment)!;
        bitmap[chunk >> 3]! |= 1 << (chunk & 7);
        return bitmap;
      },
    };
    const file = await open(path, 'w');
    for await (const extent of qcow2Layout(map).extents(0, qcow2Layout(map).fileSizeBytes)) {
      await file.write(contentOf(extent, numberedChunks));
    }
    await file.close();

    expect(await qemuImg('check', '-f', 'qcow2', path)).toContain('No errors were found');
    const data = (await qemuMap(path)).filter((entry) => entry.data);
    const expected = [...withData].map(([segment, index]) => ({
      start: segment * 2 ** 30 + index * 2 ** 18,
      length: 2 ** 18,
    }));
    expect(data).toMatchObject(expected);
  });
});

const numberedChunks = {
  chunk: (index: number, _: number, length: number): Buffer =>
    Buffer.alloc(length, `chunk ${index}\n`),
};
