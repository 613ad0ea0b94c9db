import type { Clock } from '../../clock.ts';

export interface RetryPolicy {
  attempts: number;
  firstDelayMilliseconds: number;
  maxDelayMilliseconds: number;
}

/** About 16 seconds on the average, 32 at most, before a store counts as unavailable. */
export const defaultRetryPolicy: RetryPolicy = {
  attempts: 8,
  firstDelayMilliseconds: 250,
  maxDelayMilliseconds: 20_000,
};

export interface RetryOptions {
  policy: RetryPolicy;
  clock: Clock;
  isPassing: (error: unknown) => boolean;
  signal?: AbortSignal | undefined;
}

/**
 * Repeats `act` while it fails with passing faults. The waits double, and each is a random share of the full one, so that callers
 * who were refused together do not come back together.
 */
export async function retrying<T>(
  act: () => Promise<T>,
  { policy, clock, isPassing, signal }: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= policy.attempts || !isPassing(error)) throw error;
    }
    const fullDelay = policy.firstDelayMilliseconds * 2 ** (attempt - 1);
    await clock.sleep(Math.random() * Math.min(fullDelay, policy.maxDelayMilliseconds), signal);
  }
}
