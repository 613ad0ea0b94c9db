import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, padToWidth, truncateToWidth } from '../../../cli/terminal/width.ts';

describe('displayWidth', () => {
  it.each([
    ['web-1', 5],
    ['größe', 5],
    ['数据库', 6],
    ['ｗｅｂ', 6],
    ['서버', 4],
    ['e\u0301', 1],
    ['👩‍🚀', 2],
    ['❤️', 2],
    ['\u001b[31mred\u001b[39m', 3],
    ['', 0],
  ])('of %j is %i columns', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });
});

describe('truncateToWidth', () => {
  it('keeps a text that fits', () => {
    expect(truncateToWidth('数据库', 6)).toBe('数据库');
  });

  it('never cuts a wide character in two', () => {
    expect(truncateToWidth('数据库', 4)).toBe('数…');
  });

  it('leaves nothing where there is no room', () => {
    expect(truncateToWidth('web-1', 0)).toBe('');
  });

  it('never exceeds the room it was given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, columns) => {
        expect(displayWidth(truncateToWidth(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('padToWidth', () => {
  it('fills up on the side away from the text', () => {
    expect(padToWidth('数', 4)).toBe('数  ');
    expect(padToWidth('数', 4, 'right')).toBe('  数');
  });
});
