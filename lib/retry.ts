import type { Clock } from './clock.ts';

export interface RetryPolicy {
  /** Calls at most, the first included. */
  attempts: number;
  /** The wait before the second call is random between 0 and this; the bound doubles with every further one. */
  firstWaitMs: number;
  longestWaitMs: number;
  /** No further call begins later than this after the first; a wait that would reach beyond it ends the retries at once. */
  deadlineMs: number;
}

export interface RetryOptions {
  policy: RetryPolicy;
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** Whether the error passes, and how long at least to wait before the next call (Retry-After). */
  judge(error: unknown): { again: boolean; waitMs?: number | undefined };
  /** Told before each wait. */
  onRetry?(error: unknown, waitMs: number): void;
  /** In [0, 1). */
  random?: () => number;
}

/**
 * Repeats an idempotent operation while its errors pass, with exponential waits and full jitter, so that many workers do not come
 * back at one time. Throws the operation's last error, or the signal's reason.
 */
export async function retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { policy, clock, signal, random = Math.random } = options;
  const startedAt = clock.now();
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      signal?.throwIfAborted();
      const { again, waitMs = 0 } = options.judge(error);
      if (!again || attempt >= policy.attempts) throw error;
      const bound = Math.min(policy.longestWaitMs, policy.firstWaitMs * 2 ** (attempt - 1));
      const pause = Math.max(waitMs, random() * bound);
      if (clock.now() + pause - startedAt > policy.deadlineMs) throw error;
      options.onRetry?.(error, pause);
      await clock.sleep(pause, signal);
    }
  }
}
