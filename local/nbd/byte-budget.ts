/** Bytes that may be under way at once; whoever wants some waits for its turn, first come, first served. */
export class ByteBudget {
  readonly #totalBytes: number;
  readonly #waiting: { bytes: number; start: () => void }[] = [];
  #usedBytes = 0;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  /** Runs the work once its bytes are free. What wants more than there is runs alone. */
  async use<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const share = Math.min(bytes, this.#totalBytes);
    if (this.#waiting.length > 0 || !this.#fits(share)) {
      await new Promise<void>((start) => this.#waiting.push({ bytes: share, start }));
    } else {
      this.#usedBytes += share;
    }
    try {
      return await work();
    } finally {
      this.#usedBytes -= share;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#fits(next.bytes)) return;
      this.#usedBytes += next.bytes;
      this.#waiting.shift();
      next.start();
    }
  }

  #fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#totalBytes;
  }
}
