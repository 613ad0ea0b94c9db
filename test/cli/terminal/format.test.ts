import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatDuration,
  formatRate,
  percentOf,
} from '../../../cli/terminal/format.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [4_456_448, '4.3 MiB'],
    [1024 ** 3 - 1, '1.0 GiB'],
    [120 * 1024 ** 3, '120 GiB'],
    [2 ** 63, '8.0 EiB'],
  ])('of %i is %s', (sizeBytes, text) => {
    expect(formatBytes(sizeBytes)).toBe(text);
  });

  it('never shows 1024 or more of a unit that has a larger one', () => {
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (sizeBytes) => {
        expect(Number.parseFloat(formatBytes(sizeBytes))).toBeLessThan(1024);
      }),
    );
  });
});

describe('formatRate', () => {
  it('is bytes a second', () => {
    expect(formatRate(85.25 * 1024 ** 2)).toBe('85.3 MiB/s');
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0.0 s'],
    [9_949, '9.9 s'],
    [9_960, '10 s'],
    [59_960, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [2 * 3_600_000 + 7 * 60_000, '2 h 07 min'],
    [76 * 3_600_000, '3 d 04 h'],
  ])('of %i ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

describe('formatAge', () => {
  const now = new Date('2026-03-10T12:00:00Z');

  it.each([
    ['2026-03-10T11:59:30Z', 'just now'],
    ['2026-03-10T11:55:00Z', '5 min ago'],
    ['2026-03-10T09:00:01Z', '2 h ago'],
    ['2026-02-26T12:00:00Z', '12 d ago'],
    ['2026-03-10T12:00:05Z', 'just now'],
  ])('of %s is %s', (then, text) => {
    expect(formatAge(new Date(then), now)).toBe(text);
  });
});

describe('percentOf', () => {
  it('says 100 only when all is done', () => {
    expect(percentOf(9_999, 10_000)).toBe(99);
    expect(percentOf(10_000, 10_000)).toBe(100);
  });

  it('takes an empty total for done', () => {
    expect(percentOf(0, 0)).toBe(100);
  });
});
