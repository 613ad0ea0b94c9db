import { ConnectionFailed } from '../http/errors.ts';
import type { RetryPolicy } from '../retry.ts';
import { OpenStackUnavailable, PassingError } from './errors.ts';

/** How long a call that is safe to repeat goes on against passing faults, before the state machine's own, longer patience counts. */
export const patience: RetryPolicy = {
  attempts: 6,
  firstWaitMs: 500,
  longestWaitMs: 15_000,
  deadlineMs: 90_000,
};

export function judge(error: unknown): { again: boolean; waitMs?: number | undefined } {
  if (!(error instanceof PassingError)) return { again: false };
  const hopeless = error.cause instanceof ConnectionFailed && !error.cause.passing;
  return { again: !hopeless, waitMs: error.retryAfterMs };
}

/** A failed connection in the words of this cloud. */
export function passing(error: ConnectionFailed, attempt: string): OpenStackUnavailable {
  return new OpenStackUnavailable(`Could not ${attempt}: ${error.message}`, { cause: error });
}
