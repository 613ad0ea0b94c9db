import { SnapbankError } from '../../lib/errors.ts';
import type { CommandContext } from '../context.ts';
import type { ExecutionDisplay } from '../execution-display.ts';
import type { EndedExecution } from '../run-execution.ts';
import { WatchInterrupted } from './errors.ts';
import type { RemoteExecution } from './find-execution.ts';
import { watchExecution } from './watch-execution.ts';
import { readOrWarn, workPlaceOf } from './work-place.ts';

/** A machine ends its executions after seven days; this is only in case that it does not. */
const LONGEST_WATCH_MINUTES = 8 * 24 * 60;

/** Watches an execution to its end. Throws `WatchInterrupted`, which says how to go on and how to stop it. */
export async function watchToEnd(
  context: CommandContext,
  { sfn, target, name, arn }: RemoteExecution,
  display: ExecutionDisplay,
  watchMinutes = LONGEST_WATCH_MINUTES,
): Promise<EndedExecution> {
  const deadline = AbortSignal.timeout(Math.min(watchMinutes, LONGEST_WATCH_MINUTES) * 60_000);
  const signal = AbortSignal.any([sfn.signal, deadline]);
  try {
    const { outcome, elapsedMilliseconds } = await watchExecution({ ...sfn, signal }, arn, display);
    return {
      name,
      arn,
      outcome,
      elapsedMilliseconds,
      readWork: async (key) =>
        await readOrWarn(context, await workPlaceOf(context, sfn, target), key),
    };
  } catch (error) {
    throw interrupted(error, {
      name,
      arn,
      timedOut: deadline.aborted,
      stopped: sfn.signal.aborted,
    });
  }
}

function interrupted(
  error: unknown,
  {
    name,
    arn,
    timedOut,
    stopped,
  }: { name: string; arn: string; timedOut: boolean; stopped: boolean },
): Error {
  const isOurs = error instanceof SnapbankError;
  if (!isOurs && !timedOut && !stopped) return error as Error;
  const reason = stopped
    ? 'Stopped watching.'
    : timedOut
      ? 'The time for watching is over.'
      : `${(error as Error).name}: ${(error as Error).message}`;
  return new WatchInterrupted(
    [
      `${reason} Execution ${name} goes on in AWS.`,
      `Watch it: snapbank watch ${arn}`,
      `Stop it:  snapbank stop ${arn}`,
    ].join('\n'),
    { cause: error, identifiers: { execution: arn } },
  );
}
