import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../../lib/errors.ts';
import {
  formatPublicKey,
  formatSecretKey,
  newSecretKey,
  parsePublicKey,
  parseSecretKey,
} from '../../../../lib/bank/keys/key-text.ts';

describe('the text of keys', () => {
  it('brings a secret key and a public key back', () => {
    const key = newSecretKey();

    const again = parseSecretKey(formatSecretKey(key));

    expect(again.publicKey).toEqual(key.publicKey);
    expect(parsePublicKey(` ${formatPublicKey(key.publicKey)}\n`)).toEqual(key.publicKey);
  });

  it('skips comments and empty lines of a key file', () => {
    const key = newSecretKey();

    const again = parseSecretKey(
      `# made today\n\n# ${key.publicText}\r\n${formatSecretKey(key)}\r\n`,
    );

    expect(again.publicKey).toEqual(key.publicKey);
  });

  it('notices every wrong character', () => {
    const line = formatSecretKey(newSecretKey());
    const character = fc.constantFrom('A', 'B', 'x', 'y', '0', '9', '-', '_', '!');
    fc.assert(
      fc.property(fc.nat(line.length - 1), character, (at, wrong) => {
        fc.pre(line[at] !== wrong);
        expect(() => parseSecretKey(line.slice(0, at) + wrong + line.slice(at + 1))).toThrow(
          InvalidInput,
        );
      }),
      { numRuns: 100 },
    );
  });

  it('refuses a public key where a secret key belongs, two keys, and none', () => {
    const key = newSecretKey();

    expect(() => parseSecretKey(key.publicText)).toThrow(InvalidInput);
    expect(() => parseSecretKey(`${formatSecretKey(key)}\n${formatSecretKey(key)}`)).toThrow(
      InvalidInput,
    );
    expect(() => parseSecretKey('# nothing\n')).toThrow(InvalidInput);
  });

  it('shows the secret neither in errors nor when it is printed', () => {
    const key = newSecretKey();
    const line = formatSecretKey(key);
    const secret = line.slice('SNAPBANK-SECRET-KEY-1'.length);

    expect(inspect(key, { depth: 5, showHidden: true })).not.toContain(secret.slice(0, 20));
    expect(JSON.stringify({ key })).toBe(JSON.stringify({ key: key.publicText }));
    expect(() => parseSecretKey(`${line}x`)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(secret.slice(0, 10)) }),
    );
  });
});
