import { expect, it } from 'vitest';
import { isAllZero } from '../../../lib/disk/is-all-zero.ts';

it('sees a single byte that is not zero, wherever it is', () => {
  for (const length of [1, 2, 7, 8, 9, 4096, 4097]) {
    const bytes = new Uint8Array(length);
    expect(isAllZero(bytes)).toBe(true);
    for (const at of new Set([0, 1, Math.floor(length / 2), length - 2, length - 1])) {
      if (at < 0 || at >= length) continue;
      bytes[at] = 1;
      expect(isAllZero(bytes)).toBe(false);
      bytes[at] = 0;
    }
  }
});

it('looks only at its own part of a larger buffer', () => {
  const bytes = new Uint8Array(64).fill(9);
  bytes.fill(0, 5, 20);

  expect(isAllZero(bytes.subarray(5, 20))).toBe(true);
  expect(isAllZero(bytes.subarray(4, 20))).toBe(false);
  expect(isAllZero(bytes.subarray(5, 21))).toBe(false);
});

it('takes nothing for zeros', () => {
  expect(isAllZero(new Uint8Array())).toBe(true);
});

it('finds equal bytes that are not zero different from zeros', () => {
  expect(isAllZero(new Uint8Array(100).fill(7))).toBe(false);
});
