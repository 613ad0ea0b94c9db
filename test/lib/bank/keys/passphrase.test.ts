import { describe, expect, it } from 'vitest';
import {
  keyOfPassphrase,
  newScryptParameters,
  ScryptParameters,
} from '../../../../lib/bank/keys/passphrase.ts';
import { InvalidInput } from '../../../../lib/errors.ts';
import { QUICK_SCRYPT } from '../a-bank.ts';

describe('passphrases', () => {
  it('stand for the same key every time, and for another with another salt', async () => {
    const parameters = newScryptParameters('correct horse', QUICK_SCRYPT);
    const others = newScryptParameters('correct horse', QUICK_SCRYPT);

    const [first, again, other] = await Promise.all([
      keyOfPassphrase('correct horse', parameters),
      keyOfPassphrase('correct horse', parameters),
      keyOfPassphrase('correct horse', others),
    ]);

    expect(again?.publicKey).toEqual(first?.publicKey);
    expect(other?.publicKey).not.toEqual(first?.publicKey);
  });

  it('work whichever way the keyboard composes letters', async () => {
    const parameters = newScryptParameters('Übermäßig', QUICK_SCRYPT);

    const composed = await keyOfPassphrase('Übermäßig'.normalize('NFC'), parameters);
    const decomposed = await keyOfPassphrase('Übermäßig'.normalize('NFD'), parameters);

    expect(decomposed.publicKey).toEqual(composed.publicKey);
  });

  it('cost 128 MiB a guess unless told otherwise', () => {
    expect(newScryptParameters('correct horse')).toMatchObject({ N: 131_072, r: 8, p: 1 });
  });

  it('are refused when they are no protection', () => {
    expect(() => newScryptParameters('1234567')).toThrow(InvalidInput);
  });

  it.each([
    { N: 2 ** 20, r: 8, p: 1 },
    { N: 2 ** 30, r: 8, p: 1 },
    { N: 1000, r: 8, p: 1 },
    { N: 1024, r: 1000, p: 1 },
    { N: 1024, r: 8, p: 100 },
    { N: 0, r: 8, p: 1 },
  ])('of a forged ring cannot ask for all memory or time: %o', (cost) => {
    const { salt } = newScryptParameters('correct horse', QUICK_SCRYPT);

    expect(ScryptParameters.safeParse({ ...cost, salt }).success).toBe(false);
  });
});
