import type { Clock } from '../../lib/clock.ts';

/** Timers of JavaScript hold 24 days at most, and stand still while a laptop sleeps: longer waits are made of days. */
const LONGEST_SLEEP_MILLISECONDS = 86_400_000;

/** Sleeps until a time in milliseconds since the epoch; rejects with the signal's reason when it aborts. */
export async function sleepUntil(
  clock: Clock,
  timeMilliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const left = timeMilliseconds - clock.now();
    if (left <= 0) return;
    await clock.sleep(Math.min(left, LONGEST_SLEEP_MILLISECONDS), signal);
  }
}
