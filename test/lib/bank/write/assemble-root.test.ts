import { describe, expect, it } from 'vitest';
import { CheckpointIncomplete } from '../../../../lib/bank/errors.ts';
import { merkleRoot } from '../../../../lib/bank/format/merkle.ts';
import type { SegmentReceipt } from '../../../../lib/bank/format/receipt.ts';
import { assembleRoot, type RootParts } from '../../../../lib/bank/write/assemble-root.ts';
import { aBank, backUp, CHUNK, SEGMENT } from '../a-bank.ts';
import { noise } from '../random.ts';

const bank = await aBank();
const parent = await backUp(bank, noise(2 * SEGMENT + 100));
const changed = noise(2 * SEGMENT + 100);
changed[SEGMENT] = (changed[SEGMENT] ?? 0) ^ 1;
const next = await backUp(bank, changed, { parent });
const { receipts } = next;

function parts(
  over: Partial<RootParts> & { receipts?: readonly SegmentReceipt[] } = {},
): RootParts {
  const { checkpoint, createdAt, execution, label, identity, description } = next.root;
  const disk = { disk: 0, guestSizeBytes: changed.length, format: 'raw' } as const;
  return {
    checkpoint,
    createdAt,
    execution,
    label,
    identity,
    description,
    lockedUntil: null,
    parent,
    base: null,
    disks: [{ ...disk, receipts: over.receipts ?? receipts }],
    ...over,
  };
}

describe('assembleRoot', () => {
  it('names every segment and pack with its digest, and sums up', () => {
    const root = assembleRoot(bank, parts());

    expect(root).toEqual(next.root);
    expect(root.parent).toEqual(parent.pin);
    expect(root.disks[0]?.segments).toHaveLength(3);
    expect(root.disks[0]?.merkleRoot).toBe(
      merkleRoot(
        changed.length,
        CHUNK,
        receipts.map(({ ref }) => ref.hash),
      ),
    );
    expect(root.packs.reduce((sum, { liveChunks }) => sum + liveChunks, 0)).toBe(17);
    expect(root.stats).toMatchObject({ readBytes: changed.length, newChunks: 1, reusedChunks: 16 });
  });

  it('does not care for the order of the receipts', () => {
    expect(assembleRoot(bank, parts({ receipts: receipts.toReversed() }))).toEqual(next.root);
  });

  it('refuses a segment that is missing, there twice, or of another disk', () => {
    const [first, second, third] = receipts as [SegmentReceipt, SegmentReceipt, SegmentReceipt];

    for (const wrong of [
      [],
      [first, second],
      [first, third],
      [first, second, second, third],
      [first, second, third, { ...third, segment: 3 }],
      [first, { ...second, disk: 1 }, third],
    ]) {
      expect(() => assembleRoot(bank, parts({ receipts: wrong }))).toThrow(CheckpointIncomplete);
    }
  });

  it('refuses counts that contradict the disk or each other', () => {
    for (const change of [
      { chunkCount: 7 },
      { nonHoleCount: 9 },
      { nonHoleCount: 0 },
      { object: null },
    ]) {
      const [first, ...others] = receipts as [SegmentReceipt, ...SegmentReceipt[]];
      const wrong = { ...first, ref: { ...first.ref, ...change } };
      expect(() => assembleRoot(bank, parts({ receipts: [wrong, ...others] }))).toThrow(
        CheckpointIncomplete,
      );
    }
  });

  it('refuses what neither the checkpoint nor an ancestor has', () => {
    expect(() => assembleRoot(bank, parts({ parent: null }))).toThrow(CheckpointIncomplete);

    const [first, second, third] = receipts as [SegmentReceipt, SegmentReceipt, SegmentReceipt];
    const packless = { ...second, ownPacks: [] };
    expect(() => assembleRoot(bank, parts({ receipts: [first, packless, third] }))).toThrow(
      /refers to pack/,
    );
    const forged = { ...first.ref, object: { ...first.ref.object, digest: '0'.repeat(64) } };
    const wrong = [{ ...first, ref: forged } as SegmentReceipt, second, third];
    expect(() => assembleRoot(bank, parts({ receipts: wrong }))).toThrow(/which no ancestor has/);
  });

  it('takes a base like a parent', () => {
    expect(assembleRoot(bank, parts({ parent: null, base: parent }))).toMatchObject({
      parent: null,
      base: parent.pin,
      disks: next.root.disks,
    });
  });
});
