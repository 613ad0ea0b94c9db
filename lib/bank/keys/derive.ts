import { hkdfSync, type KeyObject } from 'node:crypto';

/** A 32-byte key for one purpose out of another key: HKDF-SHA-256 without salt, the purpose as info. */
export function deriveKey(from: KeyObject, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', from, '', purpose, 32));
}
