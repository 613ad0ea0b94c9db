import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pieces, type Filled } from '../../../../lib/disk/range/pieces.ts';

describe('pieces', () => {
  it('hands out a view where one run covers the piece', () => {
    const bytes = Buffer.from('abcdefgh');
    const [first, second] = [...pieces({ start: 0, end: 8, filled: [{ guest: 0, bytes }] }, 4)];

    expect(first?.bytes?.buffer).toBe(bytes.buffer);
    expect(second?.bytes?.toString()).toBe('efgh');
  });

  it('fills a piece that is partly hole up with zeros', () => {
    const filled = [{ guest: 9, bytes: Buffer.from('xy') }];
    const cut = [...pieces({ start: 0, end: 14, filled }, 8)];

    expect(cut).toEqual([
      { offset: 0, length: 8, bytes: null },
      { offset: 8, length: 6, bytes: Buffer.from('\0xy\0\0\0') },
    ]);
  });

  it('cuts any runs into the same bytes, and leaves out only what has none', () => {
    const runs = fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 40 })), { maxLength: 12 });
    fc.assert(
      fc.property(runs, fc.constantFrom(1, 4, 16), fc.nat(30), (gapsAndLengths, size, tail) => {
        const filled: Filled[] = [];
        let end = 0;
        for (const [gap, length] of gapsAndLengths) {
          filled.push({ guest: end + gap, bytes: Buffer.alloc(length, (end % 255) + 1) });
          end += gap + length;
        }
        const plain = Buffer.alloc(end + tail);
        for (const { guest, bytes } of filled) plain.set(bytes, guest);

        let at = 0;
        for (const { offset, length, bytes } of pieces(
          { start: 0, end: plain.length, filled },
          size,
        )) {
          expect(offset).toBe(at);
          const right = plain.subarray(at, at + length);
          if (bytes === null) expect(right.every((byte) => byte === 0)).toBe(true);
          else expect(right.equals(bytes)).toBe(true);
          expect(bytes === null).toBe(right.every((byte) => byte === 0));
          at += length;
        }
        expect(at).toBe(plain.length);
      }),
      { numRuns: 100 },
    );
  });
});
