import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../../../lib/bank/collect/key-table.ts';
import { checkpointOfKey } from '../../../../lib/bank/collect/listed-objects.ts';

describe('KeyTable', () => {
  it('is a set with sizes and marks, through all growths', () => {
    const keys = fc.uniqueArray(fc.string(), { maxLength: 3000, size: 'max' });
    fc.assert(
      fc.property(keys, (present) => {
        const table = new KeyTable();
        expect(present.every((key, at) => table.add(key, at, 2))).toBe(true);
        expect(present.some((key, at) => table.add(key, at))).toBe(false);
        expect(
          present.filter(isMarked).every((key) => table.mark(key) === present.indexOf(key)),
        ).toBe(true);

        expect(table.size).toBe(present.length);
        expect(present.filter((key) => table.get(key)?.isMarked)).toEqual(present.filter(isMarked));
        expect(present.filter(isMarked).every((key) => table.mark(key, 7, 4) === undefined)).toBe(
          true,
        );
        expect(table.mark(`${present.join('')}?`)).toBeUndefined();
        expect(table.get(`${present.join('')}?`)).toBeUndefined();

        const again = KeyTable.decode(Buffer.concat(table.encode()), table.size);
        expect([...again.entries()]).toEqual([...table.entries()]);
        for (const [sizeBytes, key] of present.entries()) {
          const [usedBytes, flags] = isMarked(key, sizeBytes) ? [7, 6] : [0, 2];
          const entry = { sizeBytes, usedBytes, flags, isMarked: isMarked(key, sizeBytes) };
          expect(again.get(key)).toEqual(entry);
        }
        expect(again.add(`${present.join('')}?`)).toBe(true);
      }),
      { numRuns: 10 },
    );
  });
});

describe('checkpointOfKey', () => {
  const checkpoint = '0123456789abcdef01234567';

  it.each([
    `packs/${checkpoint}/0-12-ab-3`,
    `segments/${checkpoint}/0-12-ab`,
    `roots/${checkpoint}-ab`,
  ])('finds it in %s', (key) => {
    expect(checkpointOfKey(key)).toBe(checkpoint);
  });

  it.each([
    `packs/${checkpoint}`,
    `packs/${checkpoint}/a/b`,
    `packs/x${checkpoint}/a`,
    `roots/${checkpoint}`,
    `receipts/${checkpoint}/a`,
    'bank.json',
  ])('does not take %s for data', (key) => {
    expect(checkpointOfKey(key)).toBeUndefined();
  });
});

function isMarked(_: string, at: number): boolean {
  return at % 2 === 0;
}
