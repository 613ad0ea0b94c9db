import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { openSealedTo, SEAL_TO_OVERHEAD_BYTES, sealTo } from '../../../../lib/bank/keys/seal-to.ts';
import { flipped } from '../tamper.ts';

const context = Buffer.from('what and where');

describe('sealing to a public key', () => {
  it('is undone by the private key, whatever the bytes', () => {
    const key = newSecretKey();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (plain) => {
        const sealed = sealTo(key.publicKey, context, plain);
        expect(sealed.length).toBe(plain.length + SEAL_TO_OVERHEAD_BYTES);
        expect(openSealedTo(key.privateKey, context, sealed)).toEqual(Buffer.from(plain));
      }),
      { numRuns: 20 },
    );
  });

  it('notices every altered bit', () => {
    const key = newSecretKey();
    const sealed = sealTo(key.publicKey, context, Buffer.from('secret'));
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.nat(7), (at, bit) => {
        // Also the top bit of the ephemeral key, which the curve ignores: it is part of the salt.
        expect(() => openSealedTo(key.privateKey, context, flipped(sealed, at, bit))).toThrow();
      }),
      { numRuns: 100 },
    );
  });

  it('opens with no other key, in no other context, and not cut', () => {
    const key = newSecretKey();
    const sealed = sealTo(key.publicKey, context, Buffer.from('secret'));

    expect(() => openSealedTo(newSecretKey().privateKey, context, sealed)).toThrow();
    expect(() => openSealedTo(key.privateKey, Buffer.from('elsewhere'), sealed)).toThrow();
    expect(() => openSealedTo(key.privateKey, context, sealed.subarray(0, 40))).toThrow();
  });

  it('is different every time', () => {
    const key = newSecretKey();

    expect(sealTo(key.publicKey, context, Buffer.from('x'))).not.toEqual(
      sealTo(key.publicKey, context, Buffer.from('x')),
    );
  });

  it('refuses an ephemeral key that would make the shared secret zero', () => {
    const key = newSecretKey();
    const forged = sealTo(key.publicKey, context, Buffer.from('x')).fill(0, 0, 32);

    expect(() => openSealedTo(key.privateKey, context, forged)).toThrow();
  });
});
