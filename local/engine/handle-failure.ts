import type { State } from './definition.ts';
import type { JsonObject } from './json.ts';
import { leaveState } from './leave-state.ts';
import type { RecordedFailure, StateProgress } from './progress.ts';
import { retryDelayMilliseconds, takes } from './retry.ts';
import { resourceDetails } from './run-task.ts';
import { record, type Scope } from './scope.ts';
import { StateFailure } from './state-failure.ts';

export function failureOf({ error, cause, terminal }: RecordedFailure): StateFailure {
  return new StateFailure(error, cause, { terminal: terminal ?? false });
}

export async function catchFailure(
  scope: Scope,
  state: State,
  at: StateProgress,
  failure: RecordedFailure,
): Promise<void> {
  const catchers = ('Catch' in state && state.Catch) || [];
  const index = catchers.findIndex((catcher) => takes(catcher.ErrorEquals, failure));
  const catcher = catchers[index];
  if (catcher === undefined) throw failureOf(failure);
  const errorOutput: JsonObject = {
    ...(failure.error === undefined ? {} : { Error: failure.error }),
    ...(failure.cause === undefined ? {} : { Cause: failure.cause }),
  };
  const place = `Catch[${index}]/`;
  try {
    await leaveState(scope, state, catcher, {
      output: errorOutput,
      states: { errorOutput },
      place,
    });
  } catch (error) {
    if (!(error instanceof StateFailure)) throw error;
    // A catcher does not catch what fails in a catcher.
    const { details, location } = error;
    const options = { terminal: true, ...(location !== undefined && { location }) };
    const terminal = new StateFailure(details.error, details.cause, options);
    throw failureOf(recordFailure(scope, state, at, terminal));
  }
}

/** Records a failure and when the state is tried again. Throws it where Step Functions' histories have no event for it. */
export function recordFailure(
  scope: Scope,
  state: State,
  at: StateProgress,
  failure: StateFailure,
): RecordedFailure {
  const { details, location } = failure;
  const { run } = scope;
  const terminal = failure.terminal ? true : undefined;
  const delay = retryDelayMilliseconds(
    ('Retry' in state && state.Retry) || [],
    [...at.retried, { ...details, terminal }],
    () => run.chance.random(),
  );
  const retryAt =
    delay === undefined ? undefined : new Date(run.options.clock.now() + delay).toISOString();
  const extras = { retryAt, terminal };
  if (location !== undefined) {
    const evaluationFailedEventDetails = { ...details, location, state: at.name };
    record(scope, { type: 'EvaluationFailed', evaluationFailedEventDetails, ...extras });
  } else if (state.Type === 'Task') {
    const taskDetails = { ...resourceDetails(state), ...details };
    record(
      scope,
      failure.timedOut
        ? { type: 'TaskTimedOut', taskTimedOutEventDetails: taskDetails, ...extras }
        : { type: 'TaskFailed', taskFailedEventDetails: taskDetails, ...extras },
    );
  } else if (state.Type === 'Parallel' || state.Type === 'Map') {
    record(scope, { type: `${state.Type}StateFailed`, ...details, ...extras });
  } else throw failure;
  return { ...details, ...extras };
}
