import { randomBytes } from 'node:crypto';
import type { BankKeys } from '../keys/bank-keys.ts';
import { KeyMissing, ObjectDamaged } from '../errors.ts';
import { gcmOpen, gcmSeal, NONCE_BYTES, TAG_BYTES } from './gcm.ts';
import { compress, decompress } from './zstd.ts';
import { FORMAT_VERSION } from '../format-version.ts';

// Header: magic 4, version 1, sealed 1, zero 2, epoch 4, plain length 4, nonce 12; integers big-endian.
const HEADER_BYTES = 28;
const NONCE_OFFSET = HEADER_BYTES - NONCE_BYTES;

const MAGIC = { root: 'SBrt', segment: 'SBsg', receipt: 'SBrc', note: 'SBnt' } as const;
type EnvelopeKind = keyof typeof MAGIC;

/** Tables compress at no cost; documents are worth a little more. */
const LEVEL = { root: 3, segment: 1, receipt: 1, note: 3 } as const;

/** What the bytes are and where they lie: they open nowhere else. */
export interface EnvelopeContext {
  readonly kind: EnvelopeKind;
  /** Full key of the object. */
  readonly key: string;
}

/** Compresses an object other than a pack and, in a sealed bank, seals it with the current epoch's metadata key. */
export async function wrap(
  keys: BankKeys,
  context: EnvelopeContext,
  plain: Uint8Array,
): Promise<Buffer> {
  const epoch = keys.currentEpoch?.epoch;
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC[context.kind], 'latin1');
  header.writeUInt8(FORMAT_VERSION, 4);
  header.writeUInt32BE(plain.length, 12);
  // Roots and tables have digests in what refers to them, sealed ones tags.
  const checksum = context.kind === 'note' && epoch === undefined;
  const body = await compress(plain, LEVEL[context.kind], checksum);
  if (epoch === undefined) return Buffer.concat([header, body]);

  const key = keys.metadataKey(epoch);
  if (key === undefined) throw new KeyMissing(`No metadata key for epoch ${epoch} was given.`);
  header.writeUInt8(1, 5);
  header.writeUInt32BE(epoch, 8);
  const nonce = randomBytes(NONCE_BYTES);
  header.set(nonce, NONCE_OFFSET);
  const { ciphertext, tag } = gcmSeal(key, { nonce, aad: aadOf(keys, header, context) }, body);
  return Buffer.concat([header, ciphertext, tag]);
}

/**
 * Undoes `wrap`. Throws `ObjectDamaged` when anything differs from what was written, and never makes more than `maxPlainBytes`;
 * `KeyMissing` when it was sealed in an epoch that the credential does not cover.
 */
export async function unwrap(
  keys: BankKeys,
  context: EnvelopeContext,
  bytes: Uint8Array,
  maxPlainBytes: number,
): Promise<Buffer> {
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sealed = keys.currentEpoch !== undefined;
  if (stored.length < HEADER_BYTES + (sealed ? TAG_BYTES : 0)) throw damaged(context, 'it is cut');
  const header = stored.subarray(0, HEADER_BYTES);
  if (header.toString('latin1', 0, 4) !== MAGIC[context.kind] || header[4] !== FORMAT_VERSION) {
    throw damaged(context, `it is no ${context.kind} of version ${FORMAT_VERSION}`);
  }
  if (header[5] !== (sealed ? 1 : 0) || header.readUInt16BE(6) !== 0) {
    throw damaged(context, 'its header contradicts the bank');
  }
  const plainLength = header.readUInt32BE(12);
  if (plainLength > maxPlainBytes) throw damaged(context, `it claims ${plainLength} bytes`);
  try {
    const body = sealed ? openBody(keys, context, stored) : stored.subarray(HEADER_BYTES);
    return await decompress(body, plainLength);
  } catch (error) {
    if (error instanceof KeyMissing) throw error;
    throw damaged(context, 'its contents do not open', error);
  }
}

function openBody(keys: BankKeys, context: EnvelopeContext, stored: Buffer): Buffer {
  const header = stored.subarray(0, HEADER_BYTES);
  const epoch = header.readUInt32BE(8);
  const key = keys.metadataKey(epoch);
  if (key === undefined) {
    throw new KeyMissing(
      `${context.key} is sealed under epoch ${epoch}, whose key is not among those that this credential gives.`,
      { identifiers: { key: context.key, epoch } },
    );
  }
  const nonce = header.subarray(NONCE_OFFSET);
  return gcmOpen(key, { nonce, aad: aadOf(keys, header, context) }, stored.subarray(HEADER_BYTES));
}

function aadOf(keys: BankKeys, header: Uint8Array, { key }: EnvelopeContext): Buffer {
  return Buffer.concat([header, keys.bankId, Buffer.from(key)]);
}

function damaged({ kind, key }: EnvelopeContext, why: string, cause?: unknown): ObjectDamaged {
  return new ObjectDamaged(`The ${kind} ${key} is not what was written: ${why}.`, {
    cause,
    identifiers: { key },
  });
}
