import type { Readable } from 'node:stream';

/** Takes a stream apart into pieces of known length. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Exactly so many bytes; undefined where the stream ends before the last of them. */
  async take(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > this.#held.length) {
      parts.push(this.#held);
      missing -= this.#held.length;
      if (!(await this.#next())) return undefined;
    }
    parts.push(this.#held.subarray(0, missing));
    this.#held = this.#held.subarray(missing);
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  /** Passes over so many bytes without holding them. */
  async skip(length: number): Promise<boolean> {
    let missing = length;
    while (missing > this.#held.length) {
      missing -= this.#held.length;
      if (!(await this.#next())) return false;
    }
    this.#held = this.#held.subarray(missing);
    return true;
  }

  async #next(): Promise<boolean> {
    const next = await this.#chunks.next();
    this.#held = next.done === true ? Buffer.alloc(0) : next.value;
    return next.done !== true;
  }
}
