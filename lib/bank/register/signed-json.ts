import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** A line feed, 64 hex digits, a line feed. */
const MAC_LINE_BYTES = 66;

/**
 * What lies in the register under a key, as bytes: a line of JSON, and a line with a MAC over key and JSON. Who can write to the register
 * but has no key of the bank could otherwise date a checkpoint back, and have the collector delete it.
 */
export function encodeSigned(nameKey: KeyObject, key: string, value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  return Buffer.concat([body, Buffer.from(`\n${macOf(nameKey, key, body).toString('hex')}\n`)]);
}

/** Undoes `encodeSigned`; throws when anything differs from what was written under this key. */
export function decodeSigned(nameKey: KeyObject, key: string, bytes: Uint8Array): unknown {
  const end = Math.max(bytes.length - MAC_LINE_BYTES, 0);
  const body = bytes.subarray(0, end);
  const last = Buffer.from(bytes.subarray(end)).toString('latin1');
  if (!/^\n[0-9a-f]{64}\n$/.test(last)) throw new RangeError('it is cut, or has no MAC');
  if (!timingSafeEqual(macOf(nameKey, key, body), Buffer.from(last.trim(), 'hex'))) {
    throw new RangeError('its MAC is wrong: it was altered, or belongs elsewhere');
  }
  return JSON.parse(Buffer.from(body).toString('utf8'));
}

/** The name key's other uses begin with other words. */
function macOf(nameKey: KeyObject, key: string, body: Uint8Array): Buffer {
  return createHmac('sha256', nameKey).update(`generation\0${key}\0`).update(body).digest();
}
