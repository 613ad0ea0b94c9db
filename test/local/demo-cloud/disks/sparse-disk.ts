import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';

const mib = 1024 * 1024;

/** A disk in memory of which only the pieces of 1 MiB that hold something take any. */
export class SparseDisk {
  readonly sizeBytes: number;
  readonly #pieces = new Map<number, Buffer>();

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const start = Math.floor((offset + at) / mib) * mib;
      const piece = this.#pieces.get(start) ?? Buffer.alloc(Math.min(mib, this.sizeBytes - start));
      const part = bytes.subarray(at, at + piece.length - (offset + at - start));
      piece.set(part, offset + at - start);
      this.#pieces.set(start, piece);
      at += part.length;
    }
  }

  /** Random bytes at shares of the disk's size, cut off at its end. */
  scatter(places: readonly { at: number; length: number }[]): this {
    for (const { at, length } of places) {
      const start = Math.floor(at * this.sizeBytes);
      this.write(start, randomBytes(Math.min(length, this.sizeBytes - start)));
    }
    return this;
  }

  piece(start: number): Buffer | null {
    return this.#pieces.get(start) ?? null;
  }

  /** As a guest disk hands itself out. */
  async *pieces(): AsyncIterable<{ offset: number; bytes: Uint8Array | null }> {
    for (let offset = 0; offset < this.sizeBytes; offset += mib) {
      yield { offset, bytes: this.piece(offset) };
    }
  }

  async writeRaw(path: string): Promise<void> {
    await using file = await open(path, 'w');
    await file.truncate(this.sizeBytes);
    for (const [offset, bytes] of this.#pieces) await file.write(bytes, 0, bytes.length, offset);
  }
}
