import { Readable } from 'node:stream';
import { IncompleteImageRead } from '../errors.ts';

/** An image file that arrives once, from its first byte to its last, and is held to its size. */
export class ByteStream {
  readonly sizeBytes: number;
  readonly #stream: AsyncIterable<Uint8Array>;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #signal: AbortSignal | undefined;
  /** An abort left a call of the iterator behind that has not ended. */
  #interrupted = false;
  #chunk: Uint8Array = new Uint8Array();
  #position = 0;

  constructor(stream: AsyncIterable<Uint8Array>, sizeBytes: number, signal?: AbortSignal) {
    this.sizeBytes = sizeBytes;
    this.#stream = stream;
    this.#iterator = stream[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** From now on this signal interrupts what waits for the stream. */
  useSignal(signal: AbortSignal): void {
    this.#signal = signal;
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  /** The next `length` bytes, in memory of their own, or what is left of the file. */
  async take(length: number): Promise<Buffer<ArrayBuffer>> {
    const taken = Buffer.allocUnsafeSlow(Math.min(length, this.sizeBytes - this.#position));
    let filled = 0;
    while (filled < taken.length) {
      await this.#fillChunk();
      const part = this.#chunk.subarray(0, taken.length - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#drop(part.length);
    }
    return taken;
  }

  /** Takes what is left and throws it away; the stream must end exactly at the file's size. */
  async drain(): Promise<void> {
    while (this.#position < this.sizeBytes) {
      await this.#fillChunk();
      this.#drop(Math.min(this.#chunk.length, this.sizeBytes - this.#position));
    }
    while (this.#chunk.length === 0) {
      const next = await this.#next();
      if (next.done === true) return;
      this.#chunk = next.value;
    }
    throw this.#incomplete(this.#position + this.#chunk.length);
  }

  /** Ends the stream's source, and waits for it, unless the source did not even answer before an abort. */
  async close(): Promise<void> {
    const returned = this.#iterator.return?.();
    if (this.#interrupted) returned?.catch(() => undefined);
    else await returned;
    // The iterator of a Node stream that was never asked for a chunk does not close it.
    if (this.#stream instanceof Readable) this.#stream.destroy();
  }

  async #fillChunk(): Promise<void> {
    while (this.#chunk.length === 0) {
      const next = await this.#next();
      if (next.done === true) throw this.#incomplete(this.#position);
      this.#chunk = next.value;
    }
  }

  #drop(length: number): void {
    this.#chunk = this.#chunk.subarray(length);
    this.#position += length;
  }

  #incomplete(actualBytes: number): IncompleteImageRead {
    return new IncompleteImageRead(0, this.sizeBytes, actualBytes);
  }

  /** The next chunk, or the signal's reason as soon as it aborts, whether the source minds the signal or not. */
  async #next(): Promise<IteratorResult<Uint8Array>> {
    const signal = this.#signal;
    if (signal === undefined) return this.#iterator.next();
    signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => {
      this.#interrupted = true;
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#iterator.next(), aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
