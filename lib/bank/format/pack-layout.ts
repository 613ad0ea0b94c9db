import { ObjectDamaged } from '../errors.ts';
import { KEY_BYTES } from '../keys/x25519.ts';
import { SEAL_TO_OVERHEAD_BYTES } from '../keys/seal-to.ts';
import { CHUNK_ID_BYTES, type Encoding } from './chunk.ts';
import { type GcmContext, NONCE_BYTES, TAG_BYTES } from './gcm.ts';
import { FORMAT_VERSION } from '../format-version.ts';

// A pack: header, slots one after the other, trailer (the slot table), footer. Integers are big-endian.

export const MAX_PACK_BYTES = 64 * 1024 * 1024;
/** Slot numbers are two bytes. */
export const MAX_PACK_SLOTS = 0xffff;
const WRAPPED_KEY_BYTES = KEY_BYTES + SEAL_TO_OVERHEAD_BYTES;
/** Magic 4, version 1, sealed 1, zero 2, epoch 4, wrapped key 80 (zeros in an unsealed bank). */
export const PACK_HEADER_BYTES = 12 + WRAPPED_KEY_BYTES;
/** Id 32, offset 4, stored length 4, plain length 4, encoding 1, zero 3. */
export const TRAILER_ENTRY_BYTES = 48;
/** Stored length of the trailer 4, number of slots 4, magic 4. */
export const PACK_FOOTER_BYTES = 12;

const HEADER_MAGIC = 'SBpk';
const FOOTER_MAGIC = 'SBpe';

/** About what a pack of so many slots, of so many bytes, takes. */
export function storedBytesOf(slots: number, slotBytes: number): number {
  return (
    PACK_HEADER_BYTES + slotBytes + slots * TRAILER_ENTRY_BYTES + TAG_BYTES + PACK_FOOTER_BYTES
  );
}

/** Where a chunk lies, and how. */
export interface ChunkLocation {
  /** Full key of the pack. */
  readonly pack: string;
  readonly slot: number;
  /** Of the slot's first byte in the pack. */
  readonly offset: number;
  /** Bytes of the slot, the tag included. */
  readonly storedLength: number;
  readonly encoding: Encoding;
}

export interface PackHeader {
  /** Undefined for a pack of an unsealed bank. */
  readonly sealing: { readonly epoch: number; readonly wrapped: Uint8Array } | undefined;
}

/** The two encodings by their number in tables. */
const ENCODINGS: readonly Encoding[] = ['raw', 'zstd'];

export function encodingNumber(encoding: Encoding): number {
  return ENCODINGS.indexOf(encoding);
}

export function encodingOf(number: number): Encoding | undefined {
  return ENCODINGS[number];
}

export function encodePackHeader({ sealing }: PackHeader): Buffer {
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  header.write(HEADER_MAGIC, 'latin1');
  header.writeUInt8(FORMAT_VERSION, 4);
  if (sealing !== undefined) {
    header.writeUInt8(1, 5);
    header.writeUInt32BE(sealing.epoch, 8);
    header.set(sealing.wrapped, 12);
  }
  return header;
}

/** Throws `ObjectDamaged`. */
export function decodePackHeader(pack: string, bytes: Uint8Array): PackHeader {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known =
    header.length >= PACK_HEADER_BYTES &&
    header.toString('latin1', 0, 4) === HEADER_MAGIC &&
    header[4] === FORMAT_VERSION &&
    (header[5] === 0 || header[5] === 1) &&
    header.readUInt16BE(6) === 0;
  if (!known) throw packDamaged(pack, 'its header is none of a pack');
  if (header[5] === 0) return { sealing: undefined };
  const wrapped = header.subarray(12, PACK_HEADER_BYTES);
  return { sealing: { epoch: header.readUInt32BE(8), wrapped } };
}

export function encodePackFooter(trailerBytes: number, slots: number): Buffer {
  const footer = Buffer.alloc(PACK_FOOTER_BYTES);
  footer.writeUInt32BE(trailerBytes);
  footer.writeUInt32BE(slots, 4);
  footer.write(FOOTER_MAGIC, 8, 'latin1');
  return footer;
}

/** Throws `ObjectDamaged`. */
export function decodePackFooter(
  pack: string,
  footer: Buffer,
): { trailerBytes: number; slots: number } {
  if (footer.toString('latin1', 8) !== FOOTER_MAGIC) throw packDamaged(pack, 'it has no footer');
  const slots = footer.readUInt32BE(4);
  if (slots > MAX_PACK_SLOTS) throw packDamaged(pack, `it claims ${slots} slots`);
  return { trailerBytes: footer.readUInt32BE(0), slots };
}

/** What a slot's bytes are bound to. */
export function slotContext(
  bankId: Uint8Array,
  { pack, slot, encoding }: Pick<ChunkLocation, 'pack' | 'slot' | 'encoding'>,
  id: Uint8Array,
  plainLength: number,
): GcmContext {
  const aad = Buffer.alloc(bankId.length + 4 + CHUNK_ID_BYTES + 4 + 1 + pack.length);
  let at = bankId.length;
  aad.set(bankId);
  at = aad.writeUInt32BE(slot, at);
  aad.set(id, at);
  at = aad.writeUInt32BE(plainLength, at + CHUNK_ID_BYTES);
  at = aad.writeUInt8(encodingNumber(encoding), at);
  aad.write(pack, at, 'latin1');
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32BE(slot, NONCE_BYTES - 4);
  return { nonce, aad };
}

/** What the trailer is bound to. Its nonce is no slot's number. */
export function trailerContext(bankId: Uint8Array, pack: string, slots: number): GcmContext {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(slots);
  return {
    nonce: Buffer.alloc(NONCE_BYTES, 0xff),
    aad: Buffer.concat([bankId, count, Buffer.from(pack)]),
  };
}

export function packDamaged(pack: string, why: string, cause?: unknown): ObjectDamaged {
  return new ObjectDamaged(`The pack ${pack} is not what was written: ${why}.`, {
    cause,
    identifiers: { pack },
  });
}
