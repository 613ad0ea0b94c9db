/**
 * Aborts a request when nothing moves for a time. It counts only while the connection is what is waited for, so that a slow consumer
 * of a download or a slow source of an upload is not taken for a dead connection.
 */
export class Watchdog {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #expired: string | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What was waited for in vain; undefined as long as all is well. */
  get expired(): string | undefined {
    return this.#expired;
  }

  /** From now on `what` is waited for, at most `limitMs`. */
  expect(what: string, limitMs: number): void {
    this.rest();
    this.#timer = setTimeout(() => {
      this.#expired = `no ${what} within ${String(limitMs / 1000)} s`;
      this.#controller.abort();
    }, limitMs);
  }

  /** The connection is not what is waited for. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
