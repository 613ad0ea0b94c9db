import { Readable } from 'node:stream';
import type { Watchdog } from './watchdog.ts';

export interface UploadOptions {
  watchdog: Watchdog;
  /** Resolves when a connection is assigned; the source is not touched before. */
  connected: Promise<void>;
  idleTimeoutMs: number;
  answerTimeoutMs: number;
}

/** The body of a request that is streamed: pulled from its source only as fast as the connection takes it. */
export class Upload {
  readonly stream: Readable;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #options: UploadOptions;
  #sourceError: { error: unknown } | undefined;

  constructor(source: AsyncIterable<Uint8Array>, options: UploadOptions) {
    this.#source = source;
    this.#options = options;
    this.stream = Readable.from(this.#pieces(), { objectMode: false });
  }

  /** What the source threw, wrapped because it may be anything; undefined when it threw nothing. */
  get sourceError(): { error: unknown } | undefined {
    return this.#sourceError;
  }

  /** Ends the source too: axios leaves it open when a request is aborted or answered early. */
  end(): void {
    this.stream.destroy();
    if (this.#source instanceof Readable) this.#source.destroy();
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    const { watchdog, connected, idleTimeoutMs, answerTimeoutMs } = this.#options;
    await connected;
    const iterator = this.#source[Symbol.asyncIterator]();
    try {
      for (;;) {
        watchdog.rest();
        const step = await this.#next(iterator);
        if (step.done === true) break;
        watchdog.expect('progress of the upload', idleTimeoutMs);
        yield step.value;
      }
      watchdog.expect('answer to the upload', answerTimeoutMs);
    } finally {
      await iterator.return?.();
    }
  }

  async #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      return await iterator.next();
    } catch (error) {
      this.#sourceError = { error };
      throw error;
    }
  }
}
