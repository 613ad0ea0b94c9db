export type Outcome<T> = { ok: true; value: T } | { ok: false; error: unknown };

/** A piece of real work, such as copying a disk. */
export class Job<T> {
  /** Resolves when it is over, however it ended. */
  readonly over: Promise<Outcome<T>>;
  #outcome: Outcome<T> | undefined;

  constructor(work: Promise<T>) {
    this.over = this.#settle(work);
  }

  /** How it ended; undefined as long as it is under way. */
  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  async #settle(work: Promise<T>): Promise<Outcome<T>> {
    try {
      this.#outcome = { ok: true, value: await work };
    } catch (error) {
      this.#outcome = { ok: false, error };
    }
    return this.#outcome;
  }
}

/** The real work under way. It ends before the cloud is closed. */
export class Work {
  readonly #jobs = new Set<Job<unknown>>();
  readonly #abort = new AbortController();

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  start<T>(work: (signal: AbortSignal) => Promise<T>): Job<T> {
    const job = new Job(work(this.signal));
    this.#jobs.add(job);
    void job.over.then(() => this.#jobs.delete(job));
    return job;
  }

  /** Asks all work to end, and waits for it. */
  async end(): Promise<void> {
    this.#abort.abort(new Error('the demo cloud was closed'));
    await Promise.all([...this.#jobs].map(({ over }) => over));
  }
}
