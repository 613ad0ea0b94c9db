import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

export const TAG_BYTES = 16;
export const NONCE_BYTES = 12;

/** Where sealed bytes lie and under which number: they open nowhere else. */
export interface GcmContext {
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
}

/** AES-256-GCM: the ciphertext, and its tag apart so that nothing is copied. */
export function gcmSeal(
  key: KeyObject,
  { nonce, aad }: GcmContext,
  plain: Uint8Array,
): { ciphertext: Buffer; tag: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  const ciphertext = cipher.update(plain);
  cipher.final();
  return { ciphertext, tag: cipher.getAuthTag() };
}

/** Opens ciphertext followed by its tag; throws when anything differs. */
export function gcmOpen(key: KeyObject, { nonce, aad }: GcmContext, sealed: Uint8Array): Buffer {
  const end = sealed.length - TAG_BYTES;
  if (end < 0) throw new RangeError('The sealed bytes are shorter than their tag.');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(0, end));
  decipher.final();
  return plain;
}
