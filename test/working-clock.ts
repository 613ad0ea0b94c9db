import type { Clock } from '../lib/clock.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface FollowedExecution {
  /** To be told of every event of the execution. */
  follow(event: HistoryEvent, recorded: boolean): void;
  /** The execution has ended, whatever was under way. */
  rest(): void;
}

/**
 * The virtual clock as functions and the demo cloud see it. While a function works, time stands still, even where its work is on other
 * threads and cannot be seen; it goes on when the function, or the cloud that it waits for, sleeps.
 */
export class WorkingClock implements Clock {
  readonly #clock: VirtualClock;
  #working = 0;
  #sleeping = 0;
  #release: (() => void) | undefined;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.#sleeping += 1;
    this.#settle();
    try {
      await this.#clock.sleep(milliseconds, signal);
    } finally {
      this.#sleeping -= 1;
      this.#settle();
    }
  }

  /** Time stands still until `work` has settled: what another process does is not seen otherwise. It must not sleep. */
  async hold<T>(work: Promise<T>): Promise<T> {
    return await this.#clock.hold(work);
  }

  /** Counts the functions of one execution; others may run at the same time. */
  execution(): FollowedExecution {
    // By the place in the execution: one that is aborted says no more of itself.
    const own = new Set<string>();
    const change = (act: () => unknown) => {
      const before = own.size;
      act();
      this.#working += own.size - before;
      this.#settle();
    };
    return {
      follow(event, recorded) {
        if (recorded) return;
        const place = JSON.stringify(event.path ?? []);
        if (event.type === 'TaskStarted') change(() => own.add(place));
        else if (/^(Task(Succeeded|Failed|TimedOut)|ExecutionAborted)$/.test(event.type)) {
          change(() => own.delete(place));
        }
      },
      rest: () => change(() => own.clear()),
    };
  }

  #settle(): void {
    const still = this.#working > 0 && this.#sleeping === 0;
    if (still && this.#release === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#release = resolve;
      void this.#clock.hold(promise);
    } else if (!still) {
      this.#release?.();
      this.#release = undefined;
    }
  }
}
