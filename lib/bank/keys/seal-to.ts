import {
  createCipheriv,
  createDecipheriv,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { KEY_BYTES, publicKeyOf, rawPublicKey } from './x25519.ts';

const TAG_BYTES = 16;
/** What sealing adds to the plain bytes. */
export const SEAL_TO_OVERHEAD_BYTES = KEY_BYTES + TAG_BYTES;

// Every sealing has a key of its own, so one nonce serves them all.
const NONCE = Buffer.alloc(12);

/**
 * Seals bytes to the holder of an X25519 key; the sealing side keeps nothing that could open them again.
 * Result: ephemeral public key, ciphertext, tag. `context` says what the bytes are and where they lie; opening needs the same.
 */
export function sealTo(recipient: Uint8Array, context: Uint8Array, plain: Uint8Array): Buffer {
  const ephemeral = generateKeyPairSync('x25519');
  const ephemeralRaw = rawPublicKey(ephemeral.publicKey);
  const shared = diffieHellman({
    privateKey: ephemeral.privateKey,
    publicKey: publicKeyOf(recipient),
  });
  const key = sealingKey(shared, ephemeralRaw, recipient, context);
  const cipher = createCipheriv('aes-256-gcm', key, NONCE, { authTagLength: TAG_BYTES });
  cipher.setAAD(context);
  return Buffer.concat([ephemeralRaw, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Undoes `sealTo`. Throws when the key is another one, or anything was altered. */
export function openSealedTo(
  privateKey: KeyObject,
  context: Uint8Array,
  sealed: Uint8Array,
): Buffer {
  if (sealed.length < SEAL_TO_OVERHEAD_BYTES) throw new RangeError('The sealed bytes are cut.');
  const ephemeralRaw = sealed.subarray(0, KEY_BYTES);
  const shared = diffieHellman({ privateKey, publicKey: publicKeyOf(ephemeralRaw) });
  const key = sealingKey(shared, ephemeralRaw, rawPublicKey(privateKey), context);
  const decipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: TAG_BYTES });
  decipher.setAAD(context);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const ciphertext = sealed.subarray(KEY_BYTES, sealed.length - TAG_BYTES);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

function sealingKey(
  shared: Uint8Array,
  ephemeral: Uint8Array,
  recipient: Uint8Array,
  context: Uint8Array,
): Buffer {
  const salt = Buffer.concat([ephemeral, recipient]);
  return Buffer.from(hkdfSync('sha256', shared, salt, context, KEY_BYTES));
}
