import { describe, expect, it } from 'vitest';
import { ChunkDamaged, ObjectDamaged } from '../../../../lib/bank/errors.ts';
import { type DataChunk, readDataChunks } from '../../../../lib/bank/read/data-chunks.ts';
import { aBank, backUp, CHUNK, SEGMENT } from '../a-bank.ts';
import { noise } from '../random.ts';
import { flip } from '../tamper.ts';
import { readerOfDisk } from './restored.ts';

const disk = Buffer.concat([
  noise(2 * CHUNK),
  Buffer.alloc(CHUNK),
  noise(5 * CHUNK, 2),
  Buffer.alloc(2 * SEGMENT),
  noise(CHUNK + 1, 3),
]);

async function collected(chunks: AsyncIterable<DataChunk>): Promise<DataChunk[]> {
  const all: DataChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

describe('readDataChunks', () => {
  it('really reads all that holds data, in order, and passes holes over', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, disk);
    const reader = readerOfDisk(bank, root);

    const all = await collected(readDataChunks(reader, 0, reader.chunkCount));

    expect(all.map(({ chunk }) => chunk)).toEqual([0, 1, 3, 4, 5, 6, 7, 24, 25]);
    for (const { chunk, guestAddress, outcome } of all) {
      expect(guestAddress).toBe(chunk * CHUNK);
      const bytes = disk.subarray(guestAddress, guestAddress + CHUNK);
      expect(Buffer.compare(outcome as Uint8Array, bytes)).toBe(0);
    }
  });

  it('keeps to its range', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, disk);
    const reader = readerOfDisk(bank, root);

    const all = await collected(readDataChunks(reader, 1, 5));

    expect(all.map(({ chunk }) => chunk)).toEqual([1, 3, 4]);
    expect(await collected(readDataChunks(reader, 9, 9))).toEqual([]);
  });

  it('reports damaged chunks and goes on', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, disk);
    const table = await readerOfDisk(bank, root).table(0);
    for (const index of [1, 4]) {
      const location = table.location(index);
      await flip(bank.places.bank, location?.pack ?? '', location?.offset ?? 0);
    }
    const reader = readerOfDisk(bank, root);

    const all = await collected(readDataChunks(reader, 0, reader.chunkCount));

    const damaged = all.filter(({ outcome }) => outcome instanceof ChunkDamaged);
    expect(all).toHaveLength(9);
    expect(damaged.map(({ chunk }) => chunk)).toEqual([1, 4]);
  });

  it('throws where a segment’s table is damaged', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, disk);
    await flip(bank.places.bank, root.disks[0]?.segments[3]?.object?.key ?? '', 40);
    const reader = readerOfDisk(bank, root);

    await expect(collected(readDataChunks(reader, 0, 26))).rejects.toThrow(ObjectDamaged);
    expect(await collected(readDataChunks(reader, 0, 8))).toHaveLength(7);
  });
});
