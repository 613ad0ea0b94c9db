import { createHash } from 'node:crypto';
import type { BankKeys, PackKey } from '../keys/bank-keys.ts';
import type { OwnPack } from './receipt.ts';
import type { EncodedChunk } from './chunk.ts';
import { gcmSeal, TAG_BYTES } from './gcm.ts';
import {
  type ChunkLocation,
  encodePackFooter,
  encodePackHeader,
  encodingNumber,
  MAX_PACK_SLOTS,
  PACK_FOOTER_BYTES,
  slotContext,
  TRAILER_ENTRY_BYTES,
  trailerContext,
} from './pack-layout.ts';

/** Fills one pack in a buffer that is given, and whose length is the pack's limit. Everything is sealed once, as it comes. */
export class PackBuilder {
  readonly #keys: BankKeys;
  readonly #pack: string;
  readonly #buffer: Buffer;
  readonly #packKey: PackKey | undefined;
  readonly #hash = createHash('sha256');
  readonly #trailer: Buffer[] = [];
  #size = 0;

  constructor(keys: BankKeys, pack: string, buffer: Buffer) {
    this.#keys = keys;
    this.#pack = pack;
    this.#buffer = buffer;
    this.#packKey = keys.newPackKey(pack);
    this.#push(encodePackHeader({ sealing: this.#packKey }));
  }

  /** Whether a chunk of so many encoded bytes still goes in. */
  fits(encodedBytes: number): boolean {
    const slots = this.#trailer.length + 1;
    const trailerBytes = slots * TRAILER_ENTRY_BYTES + TAG_BYTES + PACK_FOOTER_BYTES;
    return (
      slots <= MAX_PACK_SLOTS &&
      this.#size + encodedBytes + TAG_BYTES + trailerBytes <= this.#buffer.length
    );
  }

  /** Stores a chunk; it must fit. */
  append(id: Uint8Array, plainLength: number, { encoding, bytes }: EncodedChunk): ChunkLocation {
    const offset = this.#size;
    const slot = this.#trailer.length;
    const place = { pack: this.#pack, slot, encoding };
    if (this.#packKey === undefined) {
      this.#push(bytes);
    } else {
      const context = slotContext(this.#keys.bankId, place, id, plainLength);
      this.#seal(this.#packKey, context, bytes);
    }
    const storedLength = this.#size - offset;
    this.#trailer.push(trailerEntry(id, { ...place, offset, storedLength }, plainLength));
    return { ...place, offset, storedLength };
  }

  /** Ends the pack. The bytes are a part of the buffer that was given. */
  finish(): { ref: OwnPack; bytes: Uint8Array } {
    const slots = this.#trailer.length;
    const start = this.#size;
    const table = Buffer.concat(this.#trailer);
    if (this.#packKey === undefined) {
      this.#push(table);
    } else {
      const context = trailerContext(this.#keys.bankId, this.#pack, slots);
      this.#seal(this.#packKey, context, table);
    }
    this.#push(encodePackFooter(this.#size - start, slots));
    return {
      ref: {
        key: this.#pack,
        digest: this.#hash.digest('hex'),
        sizeBytes: this.#size,
        chunks: slots,
      },
      bytes: this.#buffer.subarray(0, this.#size),
    };
  }

  #seal({ key }: PackKey, context: Parameters<typeof gcmSeal>[1], plain: Uint8Array): void {
    const { ciphertext, tag } = gcmSeal(key, context, plain);
    this.#push(ciphertext);
    this.#push(tag);
  }

  #push(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#size);
    this.#hash.update(bytes);
    this.#size += bytes.length;
  }
}

function trailerEntry(id: Uint8Array, location: ChunkLocation, plainLength: number): Buffer {
  const entry = Buffer.alloc(TRAILER_ENTRY_BYTES);
  entry.set(id);
  let at = entry.writeUInt32BE(location.offset, id.length);
  at = entry.writeUInt32BE(location.storedLength, at);
  at = entry.writeUInt32BE(plainLength, at);
  entry.writeUInt8(encodingNumber(location.encoding), at);
  return entry;
}
