import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { ObjectDamaged } from '../errors.ts';
import type { CurrentEpoch } from './bank-keys.ts';
import { RawKey } from './bundle.ts';
import { deriveKey } from './derive.ts';
import { ScryptParameters } from './passphrase.ts';
import { FORMAT_VERSION } from '../format-version.ts';

const MAC_HEX_CHARACTERS = 64;
export const MAX_SLOTS = 100;

const Holder = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), publicKey: RawKey }),
  z.strictObject({ kind: z.literal('passphrase'), publicKey: RawKey, scrypt: ScryptParameters }),
]);

/** The bank's keys, sealed to one holder. */
export const AccessSlot = z.strictObject({
  /** 8 hex digits, for ever this slot's. */
  id: z.string().regex(/^[0-9a-f]{8}$/),
  label: z.string().max(100),
  role: z.enum(['writer', 'reader']),
  createdAt: z.iso.datetime(),
  holder: Holder,
  bundle: z.base64url(),
});
export type AccessSlot = z.infer<typeof AccessSlot>;

/** What may be shown of a slot. */
export type SlotInfo = Pick<AccessSlot, 'id' | 'label' | 'role' | 'createdAt'> & {
  kind: AccessSlot['holder']['kind'];
};

/** Who has access to a sealed bank, and under which keys new objects are sealed. */
export const KeyRing = z.strictObject({
  format: z.literal('snapbank key ring'),
  version: z.literal(FORMAT_VERSION),
  bankId: z.string().regex(/^[0-9a-f]{32}$/),
  generation: z.int().positive().max(9_999_999_999),
  createdAt: z.iso.datetime(),
  /** Ascending; the last is the current one. */
  epochs: z.array(z.strictObject({ epoch: z.int().positive(), publicKey: RawKey })).min(1),
  slots: z.array(AccessSlot).min(1).max(MAX_SLOTS),
});
export type KeyRing = z.infer<typeof KeyRing>;

/** A ring as it was read: believed only after `verifyKeyRing`. */
export interface StoredKeyRing {
  ring: KeyRing;
  /** The bytes that the MAC covers. */
  body: Uint8Array;
  mac: Uint8Array;
}

/**
 * Two lines: the ring as JSON, and a MAC over that line. Without the MAC, whoever can write to the bank could put
 * a public key of their own under the packs of the future.
 */
export function encodeKeyRing(ring: KeyRing, idKey: KeyObject): Buffer {
  const body = Buffer.from(JSON.stringify(ring));
  const mac = macOf(body, idKey).toString('hex');
  return Buffer.concat([body, Buffer.from(`\n${mac}\n`)]);
}

export function parseKeyRing(key: string, bytes: Uint8Array): StoredKeyRing {
  const end = bytes.length - MAC_HEX_CHARACTERS - 2;
  const body = bytes.subarray(0, Math.max(end, 0));
  const macText = Buffer.from(bytes.subarray(Math.max(end, 0))).toString('latin1');
  if (!/^\n[0-9a-f]{64}\n$/.test(macText)) {
    throw new ObjectDamaged(`The key ring ${key} is cut or altered: its last line is no MAC.`);
  }
  try {
    const ring = KeyRing.parse(JSON.parse(Buffer.from(body).toString('utf8')));
    return { ring, body, mac: Buffer.from(macText.trim(), 'hex') };
  } catch (error) {
    throw new ObjectDamaged(`The key ring ${key} is not what was written.`, { cause: error });
  }
}

/** Whether someone who has the bank's id key wrote this ring. */
export function isGenuine({ body, mac }: StoredKeyRing, idKey: KeyObject): boolean {
  return timingSafeEqual(macOf(body, idKey), mac);
}

/** What new objects are sealed under. */
export function currentEpochOf({ epochs }: KeyRing): CurrentEpoch | undefined {
  const current = epochs.at(-1);
  return (
    current && { epoch: current.epoch, publicKey: Buffer.from(current.publicKey, 'base64url') }
  );
}

export function slotInfo({ id, label, role, createdAt, holder }: AccessSlot): SlotInfo {
  return { id, label, role, createdAt, kind: holder.kind };
}

function macOf(body: Uint8Array, idKey: KeyObject): Buffer {
  return createHmac('sha256', deriveKey(idKey, 'snapbank key ring')).update(body).digest();
}
