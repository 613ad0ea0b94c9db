import { constants, copyFile, type FileHandle, open, rm } from 'node:fs/promises';

import { InvalidInput } from '../../../lib/errors.ts';
import type { BaseImage } from './base-image.ts';
import { writeFully } from './image-file.ts';

const clusterBytes = 64 * 1024;
const pieceBytes = 1024 * 1024;

/** A piece of a disk, 1 MiB or what is left at its end; null where nothing was ever written. */
export interface GuestPiece {
  offset: number;
  bytes: Uint8Array | null;
}

/**
 * The disk of a server or a volume: a sparse file holds what its guest has written, and everything else is the image's that it was
 * made from. So any number of servers boot from one image at no cost, as with Nova's image cache.
 */
export class GuestDisk {
  readonly sizeBytes: number;
  readonly #path: string;
  #base: BaseImage | undefined;
  readonly #written: Uint8Array;
  #file: FileHandle | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Holds the base already, and releases it with `remove`. */
  constructor(path: string, sizeBytes: number, base?: BaseImage) {
    this.#path = path;
    this.sizeBytes = sizeBytes;
    this.#base = base;
    this.#written = new Uint8Array(Math.ceil(sizeBytes / clusterBytes / 8));
  }

  /** Waits for a snapshot under way. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#mustHold(offset, bytes.length);
    await this.#inTurn(async () => {
      if (bytes.length === 0) return;
      const file = await this.#opened();
      const first = Math.floor(offset / clusterBytes);
      const last = Math.floor((offset + bytes.length - 1) / clusterBytes);
      await this.#copyUp(file, first);
      if (last !== first) await this.#copyUp(file, last);
      await writeFully(file, bytes, offset);
      for (let cluster = first; cluster <= last; cluster += 1) this.#mark(cluster);
    });
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#mustHold(offset, length);
    const bytes = new Uint8Array(length);
    for await (const piece of this.#pieces(offset, offset + length)) {
      if (piece.bytes === null) continue;
      const from = Math.max(offset - piece.offset, 0);
      const part = piece.bytes.subarray(from, offset + length - piece.offset);
      bytes.set(part, piece.offset + from - offset);
    }
    return bytes;
  }

  /** Hands the whole disk as it is now to `use`; the guest's writes wait until it is done. */
  frozen<T>(use: (pieces: AsyncIterable<GuestPiece>) => Promise<T>): Promise<T> {
    return this.#inTurn(() => use(this.#pieces(0, this.sizeBytes)));
  }

  /** Another disk with the same content. */
  copy(path: string): Promise<GuestDisk> {
    return this.#inTurn(async () => {
      const copied = new GuestDisk(path, this.sizeBytes, this.#base?.hold());
      copied.#written.set(this.#written);
      if (this.#file === undefined) return copied;
      await copyFile(this.#path, path, constants.COPYFILE_FICLONE);
      copied.#file = await open(path, 'r+');
      return copied;
    });
  }

  /** Closes and removes the disk's file. Can be repeated. */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      const [file, base] = [this.#file, this.#base];
      this.#file = undefined;
      this.#base = undefined;
      await file?.close();
      await base?.release();
      await rm(this.#path, { force: true });
    });
  }

  async *#pieces(start: number, end: number): AsyncIterable<GuestPiece> {
    const from = start - (start % pieceBytes);
    const baseEnd = this.#base?.disk.guestSizeBytes ?? 0;
    const readTo = Math.min(Math.ceil(end / pieceBytes) * pieceBytes, baseEnd);
    const based =
      from < readTo ? this.#base?.disk.readRange(from, readTo, { pieceBytes }) : undefined;
    const iterator = based?.[Symbol.asyncIterator]();
    try {
      for (let offset = from; offset < end; offset += pieceBytes) {
        const next = offset < readTo ? await iterator?.next() : undefined;
        const below = next?.done === false ? next.value.bytes : null;
        yield { offset, bytes: await this.#over(offset, below) };
      }
    } finally {
      await iterator?.return?.();
    }
  }

  /** The piece with what was written over the image's. */
  async #over(offset: number, below: Uint8Array | null): Promise<Uint8Array | null> {
    const length = Math.min(pieceBytes, this.sizeBytes - offset);
    const runs = this.#writtenRuns(offset, length);
    if (runs.length === 0 && (below === null || below.length === length)) return below;
    const bytes = new Uint8Array(length);
    if (below !== null) bytes.set(below.subarray(0, length));
    const file = await this.#opened();
    for (const run of runs) {
      await file.read(bytes, run.start - offset, run.end - run.start, run.start);
    }
    return bytes;
  }

  #writtenRuns(offset: number, length: number): { start: number; end: number }[] {
    const runs: { start: number; end: number }[] = [];
    for (let start = offset; start < offset + length; start += clusterBytes) {
      if (!this.#isWritten(start / clusterBytes)) continue;
      const end = Math.min(start + clusterBytes, offset + length);
      const previous = runs.at(-1);
      if (previous?.end === start) previous.end = end;
      else runs.push({ start, end });
    }
    return runs;
  }

  /** A cluster that is about to be written in part gets the rest of its content first. */
  async #copyUp(file: FileHandle, cluster: number): Promise<void> {
    const start = cluster * clusterBytes;
    if (this.#isWritten(cluster) || start >= (this.#base?.disk.guestSizeBytes ?? 0)) return;
    const length = Math.min(clusterBytes, this.sizeBytes - start);
    await writeFully(file, await this.read(start, length), start);
    this.#mark(cluster);
  }

  async #opened(): Promise<FileHandle> {
    this.#file ??= await open(this.#path, 'w+');
    return this.#file;
  }

  #isWritten(cluster: number): boolean {
    return ((this.#written[cluster >> 3] ?? 0) & (1 << (cluster & 7))) !== 0;
  }

  #mark(cluster: number): void {
    const byte = cluster >> 3;
    this.#written[byte] = (this.#written[byte] ?? 0) | (1 << (cluster & 7));
  }

  #mustHold(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.sizeBytes) {
      throw new InvalidInput(
        `cannot reach bytes ${offset} to ${offset + length} of a disk of ${this.sizeBytes} bytes`,
        { identifiers: { offset, length, sizeBytes: this.sizeBytes } },
      );
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
