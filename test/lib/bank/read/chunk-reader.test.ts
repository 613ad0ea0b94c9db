import { describe, expect, it } from 'vitest';
import { ChunkDamaged, ObjectDamaged, PackMissing } from '../../../../lib/bank/errors.ts';
import { StoreUnavailable } from '../../../../lib/bank/store/errors.ts';
import { aBank, backUp, CHUNK, SEGMENT } from '../a-bank.ts';
import { noise, text } from '../random.ts';
import { flip } from '../tamper.ts';
import { countingStore } from './counting-store.ts';
import { readerOfDisk } from './restored.ts';

const banks = [
  ['sealed', {}],
  ['unsealed', { access: 'unsealed' }],
] as const;

/** Data, a hole, data that compresses, and a short end. */
const disk = Buffer.concat([noise(2 * CHUNK), Buffer.alloc(CHUNK), text(SEGMENT), noise(10, 9)]);
const chunk = (n: number) => new Uint8Array(disk.subarray(n * CHUNK, (n + 1) * CHUNK));

describe.each(banks)('ChunkReader of a bank that is %s', (_, options) => {
  it('gives every chunk, null for holes, and the last one short', async () => {
    const bank = await aBank(options);
    const { root } = await backUp(bank, disk);
    const reader = readerOfDisk(bank, root);

    expect(reader.chunkCount).toBe(12);
    for (let n = 0; n < 12; n++) {
      const bytes = await reader.readChunk(n);
      if (n === 2) expect(bytes).toBeNull();
      else expect(bytes && new Uint8Array(bytes)).toEqual(chunk(n));
    }
    await expect(reader.readChunk(12)).rejects.toThrow(RangeError);
    await expect(reader.readChunk(-1)).rejects.toThrow(RangeError);
  });

  it('knows which chunks hold data', async () => {
    const bank = await aBank(options);
    const { root } = await backUp(bank, disk);
    const { map } = readerOfDisk(bank, root);

    expect(map).toMatchObject({
      guestSizeBytes: disk.length,
      chunkSizeBytes: CHUNK,
      chunksPerSegment: 8,
    });
    expect([map.nonHoleCount(0), map.nonHoleCount(1)]).toEqual([7, 4]);
    expect([...(await map.bitmap(0)), ...(await map.bitmap(1))]).toEqual([0b1111_1011, 0b1111]);
  });

  it('says which chunk is damaged, and gives the others', async () => {
    const bank = await aBank(options);
    const { root, pin } = await backUp(bank, disk);
    const probe = readerOfDisk(bank, root);
    const location = (await probe.table(0)).location(1);
    const pack = location?.pack ?? '';
    await flip(bank.places.bank, pack, (location?.offset ?? 0) + 5, 3);
    const reader = readerOfDisk(bank, root);

    const outcomes = await reader.read([0, 1, 2, 3]);

    expect(new Uint8Array(outcomes.get(0) as Uint8Array)).toEqual(chunk(0));
    expect(new Uint8Array(outcomes.get(3) as Uint8Array)).toEqual(chunk(3));
    expect(outcomes.get(1)).toBeInstanceOf(ChunkDamaged);
    expect(outcomes.get(1)).toMatchObject({
      identifiers: { pack, slot: 1, checkpoint: pin.checkpoint, disk: 0, guestAddress: CHUNK },
    });
    await expect(reader.readChunk(1)).rejects.toThrow(/Guest address 4096 of disk 0/);
  });

  it('gives what lies before the cut of a pack', async () => {
    const bank = await aBank(options);
    const { root } = await backUp(bank, disk);
    const location = (await readerOfDisk(bank, root).table(0)).location(1);
    const { bank: store } = bank.places;
    const bytes = await store.get(location?.pack ?? '');
    await store.put(location?.pack ?? '', bytes.slice(0, (location?.offset ?? 0) + 10));

    const outcomes = await readerOfDisk(bank, root).read([0, 1, 3]);

    expect(new Uint8Array(outcomes.get(0) as Uint8Array)).toEqual(chunk(0));
    expect(outcomes.get(1)).toBeInstanceOf(ChunkDamaged);
    expect(outcomes.get(3)).toBeInstanceOf(ChunkDamaged);
  });

  it('says which pack is missing', async () => {
    const bank = await aBank(options);
    const { root } = await backUp(bank, disk);
    const [pack] = root.packs;
    await bank.places.bank.delete([pack?.key ?? '']);
    const reader = readerOfDisk(bank, root);

    await expect(reader.readChunk(0)).rejects.toThrow(PackMissing);
    const outcomes = await reader.read([0, 2, 8]);

    expect(outcomes.get(0)).toMatchObject({ identifiers: { pack: pack?.key, guestAddress: 0 } });
    expect(outcomes.get(2)).toBeNull();
    expect(new Uint8Array(outcomes.get(8) as Uint8Array)).toEqual(chunk(8));
  });

  it('does not mistake a store that is down for damage', async () => {
    const bank = await aBank(options);
    const { root } = await backUp(bank, disk);
    let down = false;
    const store = {
      ...bank.places.bank,
      get: (key: string, call?: object) =>
        down ? Promise.reject(new StoreUnavailable('down')) : bank.places.bank.get(key, call),
    };
    const reader = readerOfDisk({ ...bank, places: { ...bank.places, bank: store } }, root);
    await reader.table(0);

    down = true;
    await expect(reader.readChunk(0)).rejects.toThrow(StoreUnavailable);

    down = false;
    expect(new Uint8Array((await reader.readChunk(0)) ?? [])).toEqual(chunk(0));
  });

  it('refuses a table that is damaged', async () => {
    const bank = await aBank(options);
    const { root } = await backUp(bank, disk);
    await flip(bank.places.bank, root.disks[0]?.segments[0]?.object?.key ?? '', 60);

    await expect(readerOfDisk(bank, root).readChunk(0)).rejects.toThrow(ObjectDamaged);
  });
});

describe('ChunkReader', () => {
  it('reads neighbours of a pack at once, and each header and table once', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, noise(SEGMENT));
    const { store, reads } = countingStore(bank.places.bank);
    const reader = readerOfDisk({ ...bank, places: { ...bank.places, bank: store } }, root);

    await reader.read([7, 0, 1, 2, 3, 4, 5, 6]);

    const pack = root.packs[0]?.key;
    expect(reads.map(({ key }) => key.split('/')[0])).toEqual(['segments', 'packs', 'packs']);
    expect(reads.slice(1)).toEqual([
      { key: pack, range: { offset: 0, length: 92 } },
      { key: pack, range: { offset: 92, length: 8 * (CHUNK + 16) } },
    ]);
  });

  it('reads no more at once than it may', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, noise(SEGMENT), { packSizeBytes: 5000 });
    expect(root.packs).toHaveLength(8);
    const { store, most } = countingStore(bank.places.bank);
    const places = { ...bank.places, bank: store };
    const reader = readerOfDisk({ ...bank, places }, root, { getsInFlight: 2 });

    await reader.read([0]);
    await reader.read([1, 2, 3, 4, 5, 6, 7]);

    expect(most()).toBeGreaterThan(1);
    expect(most()).toBeLessThanOrEqual(2);
  });

  it('keeps what it read last, within its bounds', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, noise(SEGMENT));
    const { store, reads } = countingStore(bank.places.bank);
    const places = { ...bank.places, bank: store };
    const reader = readerOfDisk({ ...bank, places }, root, { cacheBytes: 2 * CHUNK });

    for (const n of [0, 1, 0, 1]) await reader.readChunk(n);
    const before = reads.length;
    await reader.readChunk(2);
    await reader.readChunk(0);

    expect(before).toBe(4);
    expect(reads).toHaveLength(6);
  });

  it('keeps a chunk without the run that it was read with', async () => {
    const bank = await aBank({ access: 'unsealed' });
    const { root } = await backUp(bank, noise(SEGMENT));
    const reader = readerOfDisk(bank, root);
    await reader.read([0, 1, 2, 3, 4, 5, 6, 7]);

    const kept = await reader.readChunk(3);

    expect(kept?.buffer.byteLength).toBeLessThanOrEqual(2 * CHUNK);
  });

  it('stops when the signal aborts', async () => {
    const bank = await aBank();
    const { root } = await backUp(bank, noise(SEGMENT));

    await expect(
      readerOfDisk(bank, root).readChunk(0, AbortSignal.abort(new Error('enough'))),
    ).rejects.toThrow('enough');
  });
});
