import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableJson } from '../../../cli/terminal/printable.ts';

/** Any code points, those that no well-formed text holds included. */
const anyText = fc.array(fc.nat(0x10ffff)).map((codes) => String.fromCodePoint(...codes));

describe('printable', () => {
  it.each([
    ['a colour sequence', '\u001b[31mred', '\\x1b[31mred'],
    ['a window title', 'a\u001b]0;owned\u0007b', 'a\\x1b]0;owned\\x07b'],
    ['an eight-bit control sequence', '\u009b2J', '\\x9b2J'],
    ['a forged line', 'web-1\nTotal  all well', 'web-1\\x0aTotal  all well'],
    ['an overwritten line', 'web-1\rweb-2', 'web-1\\x0dweb-2'],
    ['a reversed name', 'txt.\u202efdp', 'txt.\\u202efdp'],
    ['an invisible character', 'we\u200bb', 'we\\u200bb'],
    ['hidden tag characters', 'a\u{e0041}b', 'a\\u{e0041}b'],
    ['a lone surrogate', 'a\ud800b', 'a\\ud800b'],
  ])('shows %s instead of obeying it', (_case, hostile, shown) => {
    expect(printable(hostile)).toBe(shown);
  });

  it('leaves names of every script, and emoji, as they are', () => {
    const names = ['web-1', 'größe', 'сервер', '数据库', 'می‌خواهم', '👩‍🚀', 'e\u0301'];

    expect(names.map(printable)).toEqual(names);
  });

  it('never lets a control character through', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\u2028-\u202e]/u);
      }),
    );
  });
});

describe('printableJson', () => {
  it('parses to the value it was made from', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = printableJson(JSON.stringify({ text }));

        expect(JSON.parse(json)).toEqual({ text });
        expect(printable(json)).toBe(json);
      }),
    );
  });
});
