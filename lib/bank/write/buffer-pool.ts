/**
 * A bounded number of equal buffers, lent to whoever needs one: however many segments one process writes at once, its memory stays
 * flat. Whoever holds a buffer must be able to give it back without getting another.
 */
export class BufferPool {
  readonly #bufferBytes: number;
  readonly #limit: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: (() => void)[] = [];
  #lent = 0;

  constructor(bufferBytes: number, limit: number) {
    this.#bufferBytes = bufferBytes;
    this.#limit = limit;
  }

  /** Waits for a buffer, first come, first served. Its contents are arbitrary. */
  async take(signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    if (this.#lent < this.#limit) this.#lent++;
    else await this.#turn(signal);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes);
  }

  give(buffer: Buffer): void {
    this.#free.push(buffer);
    this.#passOn();
  }

  /** Gives back a buffer that a request may still be sending from: its memory is not used again. */
  discard(): void {
    this.#passOn();
  }

  #passOn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#lent--;
    else next();
  }

  #turn(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(turn);
    });
  }
}
