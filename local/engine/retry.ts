import type { Retrier } from './definition.ts';
import type { RecordedFailure } from './progress.ts';

/** Whether a retrier's or a catcher's ErrorEquals takes an error. Nothing takes a terminal one. */
export function takes(errorEquals: readonly string[], failure: RecordedFailure): boolean {
  if (failure.terminal) return false;
  return errorEquals.some(
    (name) =>
      name === failure.error ||
      name === 'States.ALL' ||
      (name === 'States.TaskFailed' && failure.error !== 'States.Timeout'),
  );
}

/**
 * Milliseconds until the state is tried again after the last of its failures, or undefined if it is not. The first retrier that takes
 * an error decides, and each counts only the errors that it was the first to take.
 */
export function retryDelayMilliseconds(
  retriers: readonly Retrier[],
  failures: readonly RecordedFailure[],
  random: () => number,
): number | undefined {
  const last = failures.at(-1);
  const retrierOf = (failure: RecordedFailure) =>
    retriers.find((retrier) => takes(retrier.ErrorEquals, failure));
  const retrier = last && retrierOf(last);
  if (retrier === undefined) return undefined;
  const attempt = failures.filter((failure) => retrierOf(failure) === retrier).length;
  if (attempt > (retrier.MaxAttempts ?? 3)) return undefined;
  const { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = Infinity } = retrier;
  const seconds = Math.min(IntervalSeconds * BackoffRate ** (attempt - 1), MaxDelaySeconds);
  return Math.round(seconds * 1000 * (retrier.JitterStrategy === 'FULL' ? random() : 1));
}
