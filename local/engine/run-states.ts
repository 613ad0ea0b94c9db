import type { Branch, ChoiceState, State, WaitState } from './definition.ts';
import { EvaluationError } from './evaluator.ts';
import { catchFailure, failureOf, recordFailure } from './handle-failure.ts';
import type { Json } from './json.ts';
import { leaveState } from './leave-state.ts';
import { newState, type StateProgress } from './progress.ts';
import { runMap } from './run-map.ts';
import { runParallel } from './run-parallel.ts';
import { runTask } from './run-task.ts';
import {
  currentState,
  evaluateNumber,
  evaluateTo,
  evaluationFailure,
  record,
  type Scope,
  whileExecuting,
} from './scope.ts';
import { sleepUntil } from './sleep-until.ts';
import { StateFailure } from './state-failure.ts';

/**
 * Runs a line of states from where its progress stands to its end. Returns its output as JSON text; throws the `StateFailure` that
 * nothing in it caught, or the reason of the scope's signal.
 */
export async function runStates(scope: Scope, branch: Branch): Promise<string> {
  const { progress } = scope;
  while (progress.ended === undefined) {
    scope.signal.throwIfAborted();
    if (progress.current === undefined) await enter(scope, branch);
    await runState(scope, stateOf(branch, currentState(scope).name));
  }
  if (progress.ended.status === 'SUCCEEDED') return progress.ended.output;
  throw failureOf(progress.ended);
}

function stateOf(branch: Branch, name: string): State {
  const state = branch.States[name];
  if (state === undefined) throw new Error(`the definition has no state ${name}`);
  return state;
}

async function enter(scope: Scope, branch: Branch): Promise<void> {
  const { next, events } = scope.progress;
  if (next === undefined) throw new Error('the scope has no state to enter');
  const entered = { name: next.state, input: next.input };
  const state = stateOf(branch, next.state);
  let waitUntil: string | undefined;
  if (state.Type === 'Wait') {
    const now = new Date(scope.run.options.clock.now()).toISOString();
    const at = newState(entered, now, events.count + 1);
    // An expression that fails here fails again, and is recorded, when the state is run.
    waitUntil = await waitEnd(scope, state, at).catch(() => undefined);
  }
  record(scope, {
    type: `${state.Type}StateEntered`,
    stateEnteredEventDetails: entered,
    waitUntil,
  });
}

async function runState(scope: Scope, state: State): Promise<void> {
  const at = currentState(scope);
  for (;;) {
    let failure = at.pending;
    if (failure === undefined) {
      try {
        return await attempt(scope, state, at);
      } catch (error) {
        scope.signal.throwIfAborted();
        if (!(error instanceof StateFailure)) throw error;
        failure = recordFailure(scope, state, at, error);
      }
    }
    if (failure.retryAt === undefined) return await catchFailure(scope, state, at, failure);
    await sleepUntil(scope.run.options.clock, Date.parse(failure.retryAt), scope.signal);
    at.pending = undefined;
    at.attempt = undefined;
  }
}

async function attempt(scope: Scope, state: State, at: StateProgress): Promise<void> {
  const { input } = at;
  switch (state.Type) {
    case 'Pass':
    case 'Succeed':
      return await leaveState(scope, state, state, { output: input });
    case 'Wait': {
      const until = at.waitUntil ?? (await waitEnd(scope, state, at));
      await sleepUntil(scope.run.options.clock, Date.parse(until), scope.signal);
      return await leaveState(scope, state, state, { output: input });
    }
    case 'Choice':
      return await choose(scope, state, at, input);
    case 'Fail': {
      const text = async (field: 'Error' | 'Cause') =>
        state[field] && (await evaluateTo('string', scope, state[field], field));
      throw new StateFailure(await text('Error'), await text('Cause'));
    }
    case 'Task':
    case 'Parallel':
    case 'Map': {
      const result = await runByType(scope, state, at);
      return await leaveState(scope, state, state, { output: result, states: { result } });
    }
  }
}

function runByType(
  scope: Scope,
  state: Extract<State, { Type: 'Task' | 'Parallel' | 'Map' }>,
  at: StateProgress,
): Promise<Json> {
  if (state.Type === 'Task') return runTask(scope, state, at);
  if (state.Type === 'Parallel') return runParallel(scope, state, at, runStates);
  return runMap(scope, state, at, runStates);
}

async function choose(
  scope: Scope,
  state: ChoiceState,
  at: StateProgress,
  output: Json,
): Promise<void> {
  for (const [index, rule] of state.Choices.entries()) {
    const place = `Choices[${index}]/`;
    if (await evaluateTo('boolean', scope, rule.Condition, `${place}Condition`)) {
      return await leaveState(scope, state, rule, { output, place });
    }
  }
  if (state.Default !== undefined) {
    return await leaveState(scope, state, { ...state, Next: state.Default }, { output });
  }
  throw new StateFailure(
    'States.NoChoiceMatched',
    `${whileExecuting(at)} No rule matched, and there is no Default.`,
  );
}

const OFFSET_DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
const LONGEST_WAIT_SECONDS = 99_999_999;

async function waitEnd(scope: Scope, state: WaitState, at: StateProgress): Promise<string> {
  if (state.Seconds !== undefined) {
    const limits = { minimum: 0, maximum: LONGEST_WAIT_SECONDS };
    const seconds = await evaluateNumber(scope, state.Seconds, 'Seconds', limits, { at });
    return new Date(Date.parse(at.enteredAt) + seconds * 1000).toISOString();
  }
  const text = await evaluateTo('string', scope, state.Timestamp ?? '', 'Timestamp', { at });
  const end = OFFSET_DATE_TIME.test(text) ? new Date(text) : new Date(Number.NaN);
  if (!Number.isNaN(end.getTime())) return end.toISOString();
  throw evaluationFailure(
    at,
    new EvaluationError(
      'Timestamp',
      `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`,
    ),
  );
}
