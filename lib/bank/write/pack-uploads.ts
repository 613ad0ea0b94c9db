import type { Bank } from '../bank.ts';
import type { EncodedChunk } from '../format/chunk.ts';
import { PackBuilder } from '../format/pack-builder.ts';
import { type ChunkLocation, MAX_PACK_BYTES } from '../format/pack-layout.ts';
import type { OwnPack } from '../format/receipt.ts';
import { packKey, type SegmentAttempt } from '../object-keys.ts';
import type { Retention } from '../store/object-lock.ts';
import { BufferPool } from './buffer-pool.ts';

/** Packs that a segment's writer sends while it fills the next one. */
const UPLOADS_IN_FLIGHT = 2;

/** Of the whole process: what is being filled and what is being sent, 384 MiB at most. */
const packBuffers = new BufferPool(MAX_PACK_BYTES, 6);

export interface PackUploadsOptions {
  readonly packSizeBytes: number;
  readonly signal: AbortSignal;
  readonly retention: Retention | undefined;
}

/** Puts the new chunks of one segment attempt into packs and the packs into the bank. */
export class PackUploads {
  readonly #bank: Bank;
  readonly #attempt: SegmentAttempt;
  readonly #options: PackUploadsOptions;
  readonly #written: OwnPack[] = [];
  #uploads: Promise<void>[] = [];
  #filling: { builder: PackBuilder; buffer: Buffer } | undefined;

  constructor(bank: Bank, attempt: SegmentAttempt, options: PackUploadsOptions) {
    this.#bank = bank;
    this.#attempt = attempt;
    this.#options = options;
  }

  /** Stores a chunk. Not to be called again before it has resolved. */
  async append(id: Uint8Array, plainLength: number, encoded: EncodedChunk): Promise<ChunkLocation> {
    if (this.#filling?.builder.fits(encoded.bytes.length) === false) await this.#endPack();
    this.#filling ??= await this.#startPack();
    return this.#filling.builder.append(id, plainLength, encoded);
  }

  /** Resolves with all packs when they are durable. */
  async finish(): Promise<OwnPack[]> {
    await this.#endPack();
    await Promise.all(this.#uploads);
    return this.#written;
  }

  /** Resolves when nothing is under way any more. The signal must have been aborted. */
  async abandon(): Promise<void> {
    if (this.#filling !== undefined) packBuffers.give(this.#filling.buffer);
    this.#filling = undefined;
    await Promise.allSettled(this.#uploads);
  }

  async #startPack(): Promise<{ builder: PackBuilder; buffer: Buffer }> {
    const { packSizeBytes, signal } = this.#options;
    const buffer = await packBuffers.take(signal);
    const key = packKey(this.#attempt, this.#written.length);
    const room = buffer.subarray(0, packSizeBytes);
    return { builder: new PackBuilder(this.#bank.keys, key, room), buffer };
  }

  async #endPack(): Promise<void> {
    if (this.#filling === undefined) return;
    const { builder, buffer } = this.#filling;
    this.#filling = undefined;
    const { ref, bytes } = builder.finish();
    this.#written.push(ref);
    const upload = this.#upload(ref.key, bytes, buffer);
    // Its failure is seen when it is awaited, here or in `finish`.
    upload.catch(() => undefined);
    this.#uploads.push(upload);
    if (this.#uploads.length > UPLOADS_IN_FLIGHT) await this.#uploads.shift();
  }

  async #upload(key: string, bytes: Uint8Array, buffer: Buffer): Promise<void> {
    try {
      const { signal, retention } = this.#options;
      await this.#bank.places.bank.put(key, bytes, { signal, retention });
    } catch (error) {
      packBuffers.discard();
      throw error;
    }
    packBuffers.give(buffer);
  }
}
