import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkDamaged } from '../../../../lib/bank/errors.ts';
import { openImageFile, readFileRange } from '../../../../lib/bank/read/image-file.ts';
import type { FileExtent, ImageFileLayout } from '../../../../lib/disk/disk.ts';
import { rawLayout } from '../../../../lib/disk/raw-layout.ts';
import { aBank, backUp, CHUNK, SEGMENT } from '../a-bank.ts';
import { noise } from '../random.ts';
import { flip } from '../tamper.ts';
import { readerOfDisk } from './restored.ts';

const bank = await aBank();
const disk = Buffer.concat([
  noise(3 * CHUNK),
  Buffer.alloc(SEGMENT),
  noise(SEGMENT, 2),
  noise(77, 3),
]);
const { root } = await backUp(bank, disk);

function layoutOf(extents: FileExtent[], fileSizeBytes: number): ImageFileLayout {
  return {
    fileSizeBytes,
    async *extents() {
      yield* extents;
    },
  };
}

async function collected(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece.slice());
  return Buffer.concat(all);
}

describe('image files', () => {
  it('are streamed whole', async () => {
    const reader = readerOfDisk(bank, root);

    expect(await collected(openImageFile(rawLayout(reader.map), reader))).toEqual(disk);
  });

  it('are read in any range', async () => {
    const reader = readerOfDisk(bank, root);
    const layout = rawLayout(reader.map);
    await fc.assert(
      fc.asyncProperty(fc.nat(disk.length - 1), fc.nat(SEGMENT), async (offset, most) => {
        const length = Math.min(most, disk.length - offset);
        const range = await readFileRange(layout, reader, offset, length);
        expect(Buffer.compare(range, disk.subarray(offset, offset + length))).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('consist of bytes, zeros and pieces of chunks, zeros following the end of the disk', async () => {
    const reader = readerOfDisk(bank, root);
    const last = reader.chunkCount - 1;
    const extents: FileExtent[] = [
      { kind: 'bytes', bytes: Buffer.from('head') },
      { kind: 'zeros', length: 3 },
      { kind: 'chunk', chunk: 1, start: 10, length: 20 },
      { kind: 'chunk', chunk: last, start: 70, length: 20 },
      { kind: 'chunk', chunk: last, start: 100, length: 2 },
    ];
    const layout = layoutOf(extents, 49);

    expect(await collected(openImageFile(layout, reader))).toEqual(
      Buffer.concat([
        Buffer.from('head'),
        Buffer.alloc(3),
        disk.subarray(CHUNK + 10, CHUNK + 30),
        disk.subarray(disk.length - 7),
        Buffer.alloc(13 + 2),
      ]),
    );
  });

  it('hand out long zeros in bounded pieces', async () => {
    const reader = readerOfDisk(bank, root);
    const layout = layoutOf([{ kind: 'zeros', length: 5_000_000 }], 5_000_000);
    const lengths: number[] = [];
    for await (const piece of openImageFile(layout, reader)) lengths.push(piece.length);

    expect(Math.max(...lengths)).toBe(2 ** 20);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(5_000_000);
  });

  it('end with the error of the first chunk that cannot be had', async () => {
    const own = await aBank();
    const backedUp = await backUp(own, disk);
    const location = (await readerOfDisk(own, backedUp.root).table(2)).location(0);
    await flip(own.places.bank, location?.pack ?? '', location?.offset ?? 0);
    const reader = readerOfDisk(own, backedUp.root);
    const pieces = openImageFile(rawLayout(reader.map), reader);
    let streamed = 0;

    const all = (async () => {
      for await (const piece of pieces) streamed += piece.length;
    })();

    await expect(all).rejects.toThrow(ChunkDamaged);
    // Chunk 16 is the first of the third segment.
    expect(streamed).toBe(16 * CHUNK);
  });

  it('stop when the signal aborts, and when nobody wants more', async () => {
    const reader = readerOfDisk(bank, root);
    const layout = rawLayout(reader.map);
    const stop = new AbortController();
    const aborted = (async () => {
      for await (const _ of openImageFile(layout, reader, { signal: stop.signal })) {
        stop.abort(new Error('enough'));
      }
    })();
    await expect(aborted).rejects.toThrow('enough');

    for await (const piece of openImageFile(layout, reader)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
  });

  it('are refused when the layout gives too little', async () => {
    const reader = readerOfDisk(bank, root);

    await expect(readFileRange(layoutOf([], 10), reader, 0, 10)).rejects.toThrow(RangeError);
  });
});
