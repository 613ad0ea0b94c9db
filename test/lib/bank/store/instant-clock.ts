import type { Clock } from '../../../../lib/clock.ts';

/** A clock whose sleeps end at once and are written down. */
export function instantClock(): Clock & { sleeps: number[] } {
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => Date.now(),
    async sleep(milliseconds, signal) {
      signal?.throwIfAborted();
      sleeps.push(milliseconds);
    },
  };
}
