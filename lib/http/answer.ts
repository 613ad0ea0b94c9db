import type { Readable } from 'node:stream';
import type { HttpHeaders, HttpStream } from './http-types.ts';
import type { Watchdog } from './watchdog.ts';

export interface AnswerOptions {
  watchdog: Watchdog;
  idleTimeoutMs: number;
  /** Turns what went wrong while reading into what is thrown. */
  failure: (error: unknown) => unknown;
  /** Called when the body has been read or given up. */
  ended: () => void;
}

/** An answer whose head has arrived. */
export class Answer implements HttpStream {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly #stream: Readable;
  readonly #options: AnswerOptions;

  constructor(status: number, headers: HttpHeaders, stream: Readable, options: AnswerOptions) {
    this.status = status;
    this.headers = headers;
    this.#stream = stream;
    this.#options = options;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#pieces();
  }

  discard(): void {
    this.#options.watchdog.rest();
    // An unread body would keep its connection out of the pool for ever.
    this.#stream.destroy();
    this.#options.ended();
  }

  async text(mostBytes: number): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of this.#pieces()) {
      pieces.push(piece);
      length += piece.byteLength;
      if (length >= mostBytes) break;
    }
    return Buffer.concat(pieces).subarray(0, mostBytes).toString('utf8');
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    const { watchdog, idleTimeoutMs, failure } = this.#options;
    const iterator = this.#stream.iterator({ destroyOnReturn: true }) as AsyncIterator<Uint8Array>;
    try {
      for (;;) {
        watchdog.expect('data', idleTimeoutMs);
        const step = await iterator.next();
        watchdog.rest();
        if (step.done === true) return;
        yield step.value;
      }
    } catch (error) {
      throw failure(error);
    } finally {
      this.discard();
    }
  }
}
