import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { InvalidInput } from '../../../../lib/errors.ts';
import { BaseImage } from '../../../../local/demo-cloud/disks/base-image.ts';
import { GuestDisk } from '../../../../local/demo-cloud/disks/guest-disk.ts';
import { writeQcow2File } from '../../../../local/demo-cloud/disks/qcow2-file.ts';
import { SparseDisk } from './sparse-disk.ts';

const kib = 1024;
const mib = 1024 * kib;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guest-disk-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);

/** A qcow2 image of 3 MiB and a bit that begins with a hole, and its content. */
async function makeImage(): Promise<{ content: Buffer; base: BaseImage }> {
  const content = Buffer.alloc(3 * mib + 700);
  randomBytes(content.length).copy(content, mib - 100 * kib);
  const disk = new SparseDisk(content.length);
  disk.write(0, content);
  await writeQcow2File(at('image.qcow2'), content.length, disk.pieces());
  return { content, base: await BaseImage.open(at('image.qcow2'), 'qcow2') };
}

async function wholeOf(disk: GuestDisk): Promise<Buffer> {
  const whole = Buffer.alloc(disk.sizeBytes);
  await disk.frozen(async (pieces) => {
    for await (const { offset, bytes } of pieces) if (bytes !== null) whole.set(bytes, offset);
  });
  return whole;
}

describe('GuestDisk', () => {
  it('is the image with all that was written over it, read in any part', async () => {
    const { content, base } = await makeImage();
    const sizeBytes = 5 * mib + 123;
    const disk = new GuestDisk(at('disk'), sizeBytes, base);
    const model = Buffer.alloc(sizeBytes);
    content.copy(model);

    const region = fc.record({
      offset: fc.integer({ min: 0, max: sizeBytes - 1 }),
      length: fc.integer({ min: 1, max: 300 * kib }),
    });
    await fc.assert(
      fc.asyncProperty(region, region, async (written, read) => {
        const bytes = randomBytes(Math.min(written.length, sizeBytes - written.offset));
        bytes.copy(model, written.offset);
        await disk.write(written.offset, bytes);

        const end = Math.min(read.offset + read.length, sizeBytes);
        const part = await disk.read(read.offset, end - read.offset);
        expect(Buffer.compare(part, model.subarray(read.offset, end))).toBe(0);
      }),
      { numRuns: 40 },
    );
    expect((await wholeOf(disk)).equals(model)).toBe(true);
    await disk.remove();
  });

  it('stays readable when its image is gone, and leaves no file when it is removed', async () => {
    const { content, base } = await makeImage();
    const disk = new GuestDisk(at('disk'), content.length, base);
    await rm(at('image.qcow2'));

    expect((await wholeOf(disk)).equals(content)).toBe(true);

    await disk.write(0, Buffer.from('x'));
    await disk.remove();
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps a snapshot of one moment, though the guest goes on writing', async () => {
    const disk = new GuestDisk(at('disk'), 4 * mib);
    await disk.write(0, Buffer.alloc(4 * mib, 'a'));
    let writing: Promise<void> | undefined;

    const seen = await disk.frozen(async (pieces) => {
      const parts: Uint8Array[] = [];
      for await (const { bytes } of pieces) {
        writing ??= disk.write(0, Buffer.alloc(4 * mib, 'b'));
        if (bytes !== null) parts.push(bytes);
      }
      return Buffer.concat(parts);
    });
    await writing;

    expect(seen.equals(Buffer.alloc(4 * mib, 'a'))).toBe(true);
    expect((await wholeOf(disk)).equals(Buffer.alloc(4 * mib, 'b'))).toBe(true);
    await disk.remove();
  });

  it('copies into a disk of its own', async () => {
    const { content, base } = await makeImage();
    const disk = new GuestDisk(at('disk'), 4 * mib, base);
    await disk.write(10, Buffer.from('before'));

    const copy = await disk.copy(at('copy'));
    await disk.write(10, Buffer.from('after!'));
    await disk.remove();

    expect(Buffer.from(await copy.read(10, 6)).toString()).toBe('before');
    const rest = await copy.read(mib, 100 * kib);
    expect(Buffer.compare(rest, content.subarray(mib, mib + 100 * kib))).toBe(0);
    await copy.remove();
  });

  it('hands out nothing where nothing was written', async () => {
    const disk = new GuestDisk(at('disk'), 1024 * mib);
    await disk.write(700 * mib, Buffer.from('data'));

    const held = await disk.frozen(async (pieces) => {
      const offsets: number[] = [];
      for await (const { offset, bytes } of pieces) if (bytes !== null) offsets.push(offset);
      return offsets;
    });

    expect(held).toEqual([700 * mib]);
    await disk.remove();
  });

  it('refuses bytes outside of it', async () => {
    const disk = new GuestDisk(at('disk'), 100);

    await expect(disk.write(99, Buffer.from('ab'))).rejects.toThrow(InvalidInput);
    await expect(disk.read(-1, 1)).rejects.toThrow(InvalidInput);
  });

  it('does not open what is no disk', async () => {
    await writeFile(at('bad.qcow2'), 'this is no qcow2 image');

    await expect(BaseImage.open(at('bad.qcow2'), 'qcow2')).rejects.toThrow();
  });
});
