import type { Clock } from '../../lib/clock.ts';
import { sleepUntil } from './sleep-until.ts';

export interface StoppableOptions {
  clock: Clock;
  /** Stops the work; its reason is thrown. */
  signal: AbortSignal;
  timeoutMilliseconds: number;
  /** What is thrown when the time is up. */
  onTimeout: () => Error;
  /** How long work that was told to stop may take to end. */
  graceMilliseconds: number;
}

/**
 * Runs work from outside with a deadline. On a timeout or a stop, the work's signal aborts and its end is waited for, but no longer
 * than the grace. Work that was stopped and ended well all the same has its result returned: it need not be done again.
 */
export async function stoppable<T>(
  options: StoppableOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, signal, timeoutMilliseconds, onTimeout, graceMilliseconds } = options;
  signal.throwIfAborted();
  const told = new AbortController();
  const timer = new AbortController();
  const stop = () => told.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const aborted = new Promise<void>((resolve) => {
    told.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  let timedOut: Error | undefined;
  const running = (async () => await work(told.signal))();
  const settled = running.then(ignore, ignore);
  const deadline = clock.now() + timeoutMilliseconds;
  const timing = (async () => {
    await sleepUntil(clock, deadline, timer.signal);
    timedOut = onTimeout();
    told.abort(timedOut);
  })().catch(ignore);
  try {
    await Promise.race([settled, aborted]);
    if (!told.signal.aborted) return await running;
    await Promise.race([settled, clock.sleep(graceMilliseconds, timer.signal).catch(ignore)]);
    if (timedOut !== undefined) throw timedOut;
    // Race with a rejection that is already there: `running` wins only if it has settled.
    return await Promise.race([running, Promise.reject(signal.reason as Error)]);
  } finally {
    signal.removeEventListener('abort', stop);
    timer.abort();
    await timing;
  }
}

function ignore(): void {}
