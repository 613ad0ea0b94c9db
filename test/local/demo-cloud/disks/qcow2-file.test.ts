import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BaseImage } from '../../../../local/demo-cloud/disks/base-image.ts';
import { writeQcow2File } from '../../../../local/demo-cloud/disks/qcow2-file.ts';
import { hasQemuImg, qemuImg } from '../qemu-img.ts';
import { SparseDisk } from './sparse-disk.ts';

const kib = 1024;
const mib = 1024 * kib;
const clusterBytes = 64 * kib;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'qcow2-file-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function write(disk: SparseDisk): Promise<string> {
  const path = join(directory, 'disk.qcow2');
  await writeQcow2File(path, disk.sizeBytes, disk.pieces());
  return path;
}

const places = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    length: fc.integer({ min: 1, max: 5 * clusterBytes }),
  }),
  { maxLength: 8 },
);

describe('writeQcow2File', () => {
  it('writes what reads back as the same disk, whatever its size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 * mib }), places, async (size, data) => {
        const disk = new SparseDisk(size).scatter(data);

        const { disk: back, release } = await opened(await write(disk));

        expect(back.guestSizeBytes).toBe(size);
        for await (const piece of back.readRange(0, size, { pieceBytes: mib })) {
          const expected = disk.piece(piece.offset) ?? Buffer.alloc(piece.length);
          const bytes = piece.bytes ?? Buffer.alloc(piece.length);
          expect(expected.equals(bytes)).toBe(true);
        }
        await release();
      }),
      { numRuns: 15 },
    );
  });

  it.skipIf(!hasQemuImg)('lays the file out as qemu-img convert does, byte for byte', async () => {
    const disk = new SparseDisk(1200 * mib).scatter([
      { at: 0, length: 10 * kib },
      { at: 0.3, length: 3 * clusterBytes },
      { at: 0.31, length: 1 },
      { at: 0.74, length: 20 * clusterBytes },
      { at: 0.999, length: 2 * mib },
    ]);
    const raw = join(directory, 'disk.raw');
    const theirs = join(directory, 'theirs.qcow2');
    await disk.writeRaw(raw);
    await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', raw, theirs);

    const ours = await readFile(await write(disk));

    expect(ours.equals(await readFile(theirs))).toBe(true);
  });

  it.skipIf(!hasQemuImg)('satisfies qemu-img check for odd sizes', async () => {
    for (const size of [1, clusterBytes - 1, 5 * mib + 513]) {
      const path = await write(new SparseDisk(size).scatter([{ at: 0.5, length: 700 }]));

      expect(await qemuImg('check', path)).toContain('No errors were found');
    }
  });
});

async function opened(path: string) {
  const base = await BaseImage.open(path, 'qcow2');
  return { disk: base.disk, release: () => base.release() };
}
