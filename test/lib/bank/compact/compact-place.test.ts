import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bank } from '../../../../lib/bank/bank.ts';
import { compactPlace } from '../../../../lib/bank/compact/compact-place.ts';
import { type PlaceReceipt, placeOfPack } from '../../../../lib/bank/compact/place.ts';
import { rewriteRoot } from '../../../../lib/bank/compact/rewrite-root.ts';
import type { Root } from '../../../../lib/bank/format/root.ts';
import { putRoot, readRoot } from '../../../../lib/bank/roots.ts';
import { aBank, backUp, type BackedUp, CHUNK, CHUNKS_PER_SEGMENT } from '../a-bank.ts';
import { restoredDisk } from '../read/restored.ts';
import { flip } from '../tamper.ts';

const SEGMENTS = 3;
const CHUNKS = SEGMENTS * CHUNKS_PER_SEGMENT - 2;
/** The last chunk is a short one. */
const DISK_BYTES = CHUNKS * CHUNK - 1000;

/** A disk, each of whose chunks is filled with something that follows from a number; zero: a hole. */
function diskOf(numbers: readonly number[]): Buffer {
  const disk = Buffer.alloc(DISK_BYTES);
  numbers.forEach((number, chunk) => {
    if (number === 0) return;
    for (let at = chunk * CHUNK; at < Math.min(DISK_BYTES, (chunk + 1) * CHUNK); at += 4) {
      disk.writeUInt32BE(
        (Math.imul(number, 2_654_435_761) ^ (at * 40_503)) >>> 0,
        Math.min(at, DISK_BYTES - 4),
      );
    }
  });
  return disk;
}

/** Rewrites the packs in all of the checkpoints, and returns their new roots. */
async function compacted(
  bank: Bank,
  backedUp: readonly BackedUp[],
  packs: ReadonlyMap<string, number>,
): Promise<{ roots: Root[]; receipts: PlaceReceipt[] }> {
  const receipts: PlaceReceipt[] = [];
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const at = new Map([...packs].filter(([key]) => placeOfPack(key)?.segment === segment));
    const refs = backedUp.map(({ root }) => root.disks[0]?.segments[segment]);
    const distinct = new Map(
      refs.flatMap((ref) => (ref?.object == null ? [] : [[ref.object.key, ref] as const])),
    );
    const versions = [...distinct.values()].map((ref) => ({ ref, guestSizeBytes: DISK_BYTES }));
    const place = { disk: 0, segment };
    const writesAs = backedUp[0]?.root.checkpoint ?? '';
    const { signal } = new AbortController();
    receipts.push(await compactPlace({ bank, place, writesAs, versions, packs: at, signal }));
  }
  const roots: Root[] = [];
  for (const { root } of backedUp) {
    roots.push(await readRoot(bank, await putRoot(bank, rewriteRoot(root, receipts))));
  }
  return { roots, receipts };
}

describe('a compaction', () => {
  it('changes no byte of any disk, and needs nothing more of what it emptied', async () => {
    const disk = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: CHUNKS, maxLength: CHUNKS });
    const disks = fc.array(disk, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        disks,
        fc.boolean(),
        fc.infiniteStream(fc.boolean()),
        async (all, sealed, coin) => {
          const bank = await aBank(sealed ? {} : { access: 'unsealed' });
          const backedUp: BackedUp[] = [];
          for (const numbers of all) {
            const parent = backedUp.at(-1);
            backedUp.push(
              await backUp(bank, diskOf(numbers), parent === undefined ? {} : { parent }),
            );
          }
          // The oldest goes, so that what the others need of its packs is less than all.
          const kept = backedUp.slice(backedUp.length > 1 ? 1 : 0);
          const sizes = new Map(
            kept.flatMap(({ root }) =>
              root.packs.map((pack) => [pack.key, pack.sizeBytes] as const),
            ),
          );
          const chosen = new Map([...sizes].filter(() => coin.next().value));

          const { roots, receipts } = await compacted(bank, kept, chosen);

          const emptied = receipts.flatMap((receipt) => receipt.emptied);
          for (const root of roots) {
            expect(root.packs.map(({ key }) => key).filter((key) => emptied.includes(key))).toEqual(
              [],
            );
          }
          await bank.places.bank.delete(emptied);
          for (const [index, root] of roots.entries()) {
            const before = kept[index]?.root;
            expect(root.disks.map(({ merkleRoot }) => merkleRoot)).toEqual(
              before?.disks.map(({ merkleRoot }) => merkleRoot),
            );
            const numbers = all[all.length - kept.length + index] ?? [];
            expect(Buffer.compare(await restoredDisk(bank, root), diskOf(numbers))).toBe(0);
            await expectUsesFit(bank, root);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('stores what several checkpoints share once', async () => {
    const bank = await aBank();
    const first = await backUp(bank, diskOf(Array.from({ length: CHUNKS }, (_, n) => n + 1)));
    const disk = diskOf(
      Array.from({ length: CHUNKS }, (_, n) => (n % CHUNKS_PER_SEGMENT === 0 ? n + 1 : 0)),
    );
    const second = await backUp(bank, disk, { parent: first });
    const third = await backUp(bank, disk, { parent: second });
    const packs = new Map(first.root.packs.map(({ key, sizeBytes }) => [key, sizeBytes]));

    const { roots, receipts } = await compacted(bank, [second, third], packs);

    expect(
      receipts.map(({ emptied, packs: written, tables }) => [
        emptied.length,
        written.length,
        tables.length,
      ]),
    ).toEqual(Array.from({ length: SEGMENTS }, () => [1, 1, 1]));
    expect(roots[0]?.packs.map(({ key }) => key)).toEqual(roots[1]?.packs.map(({ key }) => key));
    expect(roots[0]?.packs.every(({ chunks, liveChunks }) => chunks === liveChunks)).toBe(true);
  });

  it('leaves a pack as it is of which a chunk cannot be had, and one of which nearly all is needed', async () => {
    const bank = await aBank();
    const numbers = Array.from({ length: CHUNKS }, (_, n) => n + 1);
    const first = await backUp(bank, diskOf(numbers));
    const second = await backUp(
      bank,
      diskOf(numbers.map((number, n) => (n % CHUNKS_PER_SEGMENT < 3 ? number : 0))),
      { parent: first },
    );
    const [damaged, whole] = second.root.packs;
    await flip(bank.places.bank, damaged?.key ?? '', 100);
    const packs = new Map(second.root.packs.map(({ key, sizeBytes }) => [key, sizeBytes]));
    const nearlyAll = new Map([[whole?.key ?? '', whole?.sizeBytes ?? 0]]);

    const { roots, receipts } = await compacted(bank, [second], packs);
    const full = await compacted(bank, [first], nearlyAll);

    expect(receipts.flatMap(({ emptied }) => emptied)).toEqual([...packs.keys()].slice(1));
    expect(roots[0]?.packs.map(({ key }) => key)).toContain(damaged?.key);
    expect(full.receipts.flatMap(({ emptied }) => emptied)).toEqual([]);
  });
});

/** What the root says of its packs is what its tables use. */
async function expectUsesFit(bank: Bank, root: Root): Promise<void> {
  for (const { key, sizeBytes, digest, liveChunks, chunks } of root.packs) {
    expect(await bank.places.bank.size(key)).toBe(sizeBytes);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(liveChunks).toBeLessThanOrEqual(chunks);
    expect(liveChunks).toBeGreaterThan(0);
  }
}
