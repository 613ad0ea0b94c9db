import { type Clock, systemClock } from '../../../lib/clock.ts';

/** A clock that stands still until it is moved. Whoever sleeps on it does so in real time. */
export class ManualClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1);

  now(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}
