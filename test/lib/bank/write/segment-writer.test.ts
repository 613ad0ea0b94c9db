import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bank } from '../../../../lib/bank/bank.ts';
import { openPack } from '../../../../lib/bank/format/pack-reader.ts';
import { digestOf } from '../../../../lib/bank/object-ref.ts';
import { StoreUnavailable } from '../../../../lib/bank/store/errors.ts';
import { SegmentWriter } from '../../../../lib/bank/write/segment-writer.ts';
import { InvalidInput } from '../../../../lib/errors.ts';
import {
  aBank,
  backUp,
  CHUNK,
  CHUNKS_PER_SEGMENT,
  newCheckpoint,
  piecesOf,
  SEGMENT,
} from '../a-bank.ts';
import { noise, text } from '../random.ts';
import { restoredDisk } from '../read/restored.ts';
import { keysOf } from '../tamper.ts';

/** A disk of chunks, each named by a number; 0 is a chunk of zeros. */
function diskOf(...chunks: number[]): Uint8Array {
  return Buffer.concat(
    chunks.map((seed) => (seed === 0 ? Buffer.alloc(CHUNK) : noise(CHUNK, seed))),
  );
}

function writerOf(bank: Bank, guestSizeBytes: number, options = {}) {
  const target = { checkpoint: newCheckpoint(), disk: 0, segment: 0, guestSizeBytes };
  return new SegmentWriter(bank, target, [], options);
}

async function packs(bank: Bank, checkpoint: string): Promise<string[]> {
  return keysOf(bank.places.bank, `packs/${checkpoint}/`);
}

describe('SegmentWriter', () => {
  it('stores what a first backup finds, and leaves out zeros', async () => {
    const bank = await aBank();
    const disk = diskOf(1, 0, 2, 0, 0, 3, 0, 0);

    const { root, receipts } = await backUp(bank, disk);

    expect(receipts).toHaveLength(1);
    expect(receipts[0]?.stats).toMatchObject({
      readBytes: 8 * CHUNK,
      holeChunks: 5,
      reusedChunks: 0,
      newChunks: 3,
      newBytes: 3 * CHUNK,
    });
    expect(receipts[0]?.ref).toMatchObject({ chunkCount: 8, nonHoleCount: 3 });
    expect(await restoredDisk(bank, root)).toEqual(new Uint8Array(disk));
  });

  it('writes nothing at all for a segment of holes', async () => {
    const bank = await aBank();

    const { root, receipts } = await backUp(bank, new Uint8Array(SEGMENT));

    expect(receipts[0]?.ref.object).toBeNull();
    expect(await keysOf(bank.places.bank, 'segments/')).toEqual([]);
    expect(await keysOf(bank.places.bank, 'packs/')).toEqual([]);
    expect(await restoredDisk(bank, root)).toEqual(new Uint8Array(SEGMENT));
  });

  it('brings any disk back, its last chunk short or not', async () => {
    const bank = await aBank();
    const chunk = fc.constantFrom(0, 0, 1, 2, 3, 4, 5);
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { minLength: 1, maxLength: 20 }),
        fc.nat(CHUNK - 1),
        async (chunks, cut) => {
          const disk = new Uint8Array(diskOf(...chunks).subarray(0, chunks.length * CHUNK - cut));

          const { root } = await backUp(bank, disk, { packSizeBytes: 20_000 });

          expect(await restoredDisk(bank, root)).toEqual(disk);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('refers to the parent’s object where nothing changed', async () => {
    const bank = await aBank();
    const disk = diskOf(1, 2, 0, 4, 5, 6, 7, 8, 9);
    const parent = await backUp(bank, disk);

    const next = await backUp(bank, disk, { parent });

    expect(next.root.disks[0]?.segments).toEqual(parent.root.disks[0]?.segments);
    expect(next.root.disks[0]?.merkleRoot).toBe(parent.root.disks[0]?.merkleRoot);
    expect(next.root.packs).toEqual(parent.root.packs);
    expect(next.root.stats).toMatchObject({ newChunks: 0, storedBytes: 0, reusedChunks: 8 });
    expect(await packs(bank, next.pin.checkpoint)).toEqual([]);
    expect(await keysOf(bank.places.bank, `segments/${next.pin.checkpoint}/`)).toEqual([]);
  });

  it('stores only what changed, in place', async () => {
    const bank = await aBank();
    const parent = await backUp(bank, diskOf(1, 2, 3, 4, 5, 6, 7, 8, 11, 12));
    const disk = diskOf(1, 2, 30, 4, 5, 6, 0, 8, 11, 12);

    const next = await backUp(bank, disk, { parent });

    expect(next.root.stats).toMatchObject({ newChunks: 1, reusedChunks: 8, holeChunks: 1 });
    expect(next.root.disks[0]?.segments[1]).toEqual(parent.root.disks[0]?.segments[1]);
    expect(next.root.disks[0]?.segments[0]).not.toEqual(parent.root.disks[0]?.segments[0]);
    const own = next.root.packs.filter(({ key }) => key.includes(next.pin.checkpoint));
    expect(own).toMatchObject([{ chunks: 1, liveChunks: 1 }]);
    const parents = next.root.packs.filter(({ key }) => key.includes(parent.pin.checkpoint));
    expect(parents).toMatchObject([
      { chunks: 8, liveChunks: 6 },
      { chunks: 2, liveChunks: 2 },
    ]);
    expect(await restoredDisk(bank, next.root)).toEqual(new Uint8Array(disk));
  });

  it('makes a hole of a chunk that was emptied, and notices where a hole was filled', async () => {
    const bank = await aBank();
    const parent = await backUp(bank, diskOf(1, 0, 0));

    const filled = await backUp(bank, diskOf(1, 2, 0), { parent });
    const emptied = await backUp(bank, diskOf(0, 0, 0), { parent });

    expect(await restoredDisk(bank, filled.root)).toEqual(new Uint8Array(diskOf(1, 2, 0)));
    expect(emptied.root.disks[0]?.segments[0]?.object).toBeNull();
    expect(emptied.root.packs).toEqual([]);
  });

  it('takes from the base what the server has never had', async () => {
    const bank = await aBank();
    const base = await backUp(bank, diskOf(1, 2, 3, 4, 5, 6, 7, 8, 21, 22));
    const disk = diskOf(1, 2, 3, 40, 5, 6, 7, 8, 21, 22);

    const first = await backUp(bank, disk, { base });

    expect(first.root.stats).toMatchObject({ newChunks: 1, reusedChunks: 9 });
    expect(first.root.disks[0]?.segments[1]).toEqual(base.root.disks[0]?.segments[1]);
    expect(await restoredDisk(bank, first.root)).toEqual(new Uint8Array(disk));
  });

  it('takes from parent and base at once, the parent first', async () => {
    const bank = await aBank();
    const base = await backUp(bank, diskOf(1, 2, 3));
    const parent = await backUp(bank, diskOf(1, 20, 30));

    const next = await backUp(bank, diskOf(1, 2, 30), { parent, base });

    expect(next.root.stats).toMatchObject({ newChunks: 0, reusedChunks: 3 });
    const live = next.root.packs.map(({ key, liveChunks }) => [key.split('/')[1], liveChunks]);
    expect(live).toEqual([
      [base.pin.checkpoint, 1],
      [parent.pin.checkpoint, 2],
    ]);
  });

  it('follows data that was moved within its segment', async () => {
    const bank = await aBank();
    const parent = await backUp(bank, diskOf(1, 2, 3, 4));
    const disk = diskOf(4, 3, 2, 1);

    const next = await backUp(bank, disk, { parent });

    expect(next.root.stats).toMatchObject({ newChunks: 0, reusedChunks: 4 });
    expect(next.root.disks[0]?.merkleRoot).not.toBe(parent.root.disks[0]?.merkleRoot);
    expect(await restoredDisk(bank, next.root)).toEqual(new Uint8Array(disk));
  });

  it('stores equal chunks of a segment once', async () => {
    const bank = await aBank();
    const disk = diskOf(...Array<number>(CHUNKS_PER_SEGMENT).fill(7));

    const { root } = await backUp(bank, disk);

    expect(root.stats).toMatchObject({ newChunks: 1, reusedChunks: CHUNKS_PER_SEGMENT - 1 });
    expect(root.packs).toMatchObject([{ chunks: 1, liveChunks: 1 }]);
    expect(root.disks[0]?.segments[0]?.nonHoleCount).toBe(CHUNKS_PER_SEGMENT);
    expect(await restoredDisk(bank, root)).toEqual(new Uint8Array(disk));
  });

  it('follows a disk that has grown or shrunk', async () => {
    const bank = await aBank();
    const parent = await backUp(bank, diskOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    const larger = diskOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    const smaller = diskOf(1, 2, 3);

    const grown = await backUp(bank, larger, { parent });
    const shrunk = await backUp(bank, smaller, { parent });

    expect(grown.root.stats).toMatchObject({ newChunks: 1, reusedChunks: 10 });
    expect(shrunk.root.stats).toMatchObject({ newChunks: 0, reusedChunks: 3 });
    expect(await restoredDisk(bank, grown.root)).toEqual(new Uint8Array(larger));
    expect(await restoredDisk(bank, shrunk.root)).toEqual(new Uint8Array(smaller));
  });

  it('stores again what lies in a pack that is known to be damaged', async () => {
    const bank = await aBank();
    const disk = diskOf(1, 2, 3, 4, 5, 6, 7, 8, 9);
    const parent = await backUp(bank, disk);
    const [bad = '', good = ''] = parent.root.packs.map(({ key }) => key);
    await bank.places.bank.delete([bad]);

    const next = await backUp(bank, disk, { parent, damagedPacks: new Set([bad]) });

    expect(next.root.stats).toMatchObject({ newChunks: 8, reusedChunks: 1 });
    expect(next.root.packs.map(({ key }) => key)).toContain(good);
    expect(next.root.packs.map(({ key }) => key)).not.toContain(bad);
    expect(await restoredDisk(bank, next.root)).toEqual(new Uint8Array(disk));
  });

  it('stores a segment anew when the ancestor’s table is damaged or gone', async () => {
    for (const harm of ['damage', 'delete'] as const) {
      const bank = await aBank();
      const disk = diskOf(1, 2, 3);
      const parent = await backUp(bank, disk);
      const key = parent.root.disks[0]?.segments[0]?.object?.key ?? '';
      if (harm === 'damage') await bank.places.bank.put(key, noise(100));
      else await bank.places.bank.delete([key]);

      const next = await backUp(bank, disk, { parent });

      expect(next.root.stats).toMatchObject({ newChunks: 3, reusedChunks: 0 });
      expect(await restoredDisk(bank, next.root)).toEqual(new Uint8Array(disk));
    }
  });

  it('fills several packs, each within its limit and named after the attempt', async () => {
    const bank = await aBank();

    const { root, receipts } = await backUp(bank, diskOf(1, 2, 3, 4, 5, 6, 7, 8), {
      packSizeBytes: 14_000,
    });

    expect(root.packs.map(({ chunks, liveChunks }) => [chunks, liveChunks])).toEqual([
      [3, 3],
      [3, 3],
      [2, 2],
    ]);
    expect(receipts[0]?.ownPacks).toHaveLength(3);
    for (const { key, sizeBytes, digest } of root.packs) {
      const bytes = await bank.places.bank.get(key);
      expect(key).toMatch(/^packs\/[0-9a-f]{24}\/0-0-[0-9a-f]{16}-[0-2]$/);
      expect([bytes.length, digestOf(bytes)]).toEqual([sizeBytes, digest]);
      expect(sizeBytes).toBeLessThanOrEqual(14_000);
    }
  });

  it('keeps the order of the disk within a pack', async () => {
    const bank = await aBank();
    const chunks = [text(CHUNK, 1), noise(CHUNK, 2), text(CHUNK, 3), noise(CHUNK, 4)];

    const { root } = await backUp(bank, Buffer.concat(chunks));

    const key = root.packs[0]?.key ?? '';
    const { slots } = openPack(bank.keys, key, await bank.places.bank.get(key));
    expect(slots.map(({ id }) => Buffer.from(id))).toEqual(
      chunks.map((plain) => bank.keys.chunkId(plain)),
    );
  });

  it('sends the same bytes when a store repeats a put', async () => {
    const bank = await aBank();
    const sent = new Map<string, string[]>();
    const repeating = {
      ...bank.places.bank,
      async put(key: string, body: Uint8Array) {
        // As a store does inside after a lost answer: later, and from the body it was given.
        for (let n = 0; n < 3; n++) {
          sent.set(key, [...(sent.get(key) ?? []), digestOf(body)]);
          await new Promise(setImmediate);
          await bank.places.bank.put(key, body);
        }
      },
    };
    const slow = { ...bank, places: { ...bank.places, bank: repeating } };
    const disk = diskOf(1, 2, 3, 4, 5, 6, 7, 8);

    const { root } = await backUp(slow, disk, { packSizeBytes: 14_000 });

    for (const digests of sent.values()) expect(new Set(digests).size).toBe(1);
    for (const { key, digest } of root.packs)
      expect(sent.get(key)).toEqual([digest, digest, digest]);
    expect(await restoredDisk(bank, root)).toEqual(new Uint8Array(disk));
  });

  it('has made everything durable when it is done, packs before the table', async () => {
    const bank = await aBank();
    const order: string[] = [];
    const watching = {
      ...bank.places.bank,
      async put(key: string, body: Uint8Array) {
        // The last pack takes longer than all that a writer could do that does not wait for it.
        if (key.endsWith('-2')) await delay(150);
        await bank.places.bank.put(key, body);
        order.push(key.split('/')[0] ?? '');
      },
    };
    const writer = writerOf({ ...bank, places: { ...bank.places, bank: watching } }, SEGMENT, {
      packSizeBytes: 14_000,
    });
    for (const piece of piecesOf(noise(SEGMENT), 0, SEGMENT)) await writer.write(piece);

    await writer.finish();

    expect(order).toEqual(['packs', 'packs', 'packs', 'segments']);
  });

  it('fails with the store’s error, and stops then', async () => {
    const bank = await aBank();
    const failing = {
      ...bank.places.bank,
      put: () => Promise.reject(new StoreUnavailable('down')),
    };
    // More often than the process has buffers.
    for (let n = 0; n < 10; n++) {
      const writer = writerOf({ ...bank, places: { ...bank.places, bank: failing } }, SEGMENT, {
        packSizeBytes: 14_000,
      });
      const all = async () => {
        for (const piece of piecesOf(noise(SEGMENT), 0, SEGMENT)) await writer.write(piece);
        await writer.finish();
      };

      await expect(all()).rejects.toThrow(StoreUnavailable);
      await writer.abandon();

      await expect(writer.write({ offset: 0, length: CHUNK, bytes: null })).rejects.toThrow();
    }

    await expect(backUp(bank, noise(SEGMENT))).resolves.toBeDefined();
  });

  it('gives every buffer back when it is abandoned in the middle', async () => {
    const bank = await aBank({ chunksPerSegment: 32 });
    const disk = noise(32 * CHUNK);
    // More writers than the process has buffers, each with one it fills and some it sends.
    for (let n = 0; n < 10; n++) {
      const writer = writerOf(bank, disk.length, { packSizeBytes: 14_000 });
      for (const piece of piecesOf(disk, 0, 24 * CHUNK)) await writer.write(piece);
      await writer.abandon();
    }

    await expect(backUp(bank, disk)).resolves.toBeDefined();
  });

  it('stops when the caller’s signal aborts', async () => {
    const bank = await aBank();
    const stop = new AbortController();
    const writer = writerOf(bank, SEGMENT, { signal: stop.signal });
    const [piece] = piecesOf(noise(SEGMENT), 0, CHUNK);
    stop.abort(new Error('enough'));

    await expect(piece && writer.write(piece)).rejects.toThrow('enough');
    await writer.abandon();
  });

  it('refuses pieces out of order, of another length, too many and too few', async () => {
    const bank = await aBank();
    const write = (offset: number, length: number) =>
      writerOf(bank, SEGMENT + 100).write({ offset, length, bytes: null });
    await expect(write(CHUNK, CHUNK)).rejects.toThrow(InvalidInput);
    await expect(write(0, CHUNK - 1)).rejects.toThrow(InvalidInput);
    await expect(write(0, 2 * CHUNK)).rejects.toThrow(InvalidInput);

    const writer = writerOf(bank, CHUNK + 100);
    await writer.write({ offset: 0, length: CHUNK, bytes: null });
    await expect(writer.finish()).rejects.toThrow(InvalidInput);
    await writer.write({ offset: CHUNK, length: 100, bytes: null });
    await expect(writer.write({ offset: CHUNK + 100, length: 0, bytes: null })).rejects.toThrow(
      InvalidInput,
    );

    const target = { checkpoint: newCheckpoint(), disk: 0, segment: 1, guestSizeBytes: SEGMENT };
    expect(() => new SegmentWriter(bank, target)).toThrow(InvalidInput);
  });
});
