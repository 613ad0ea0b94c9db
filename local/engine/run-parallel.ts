import { concurrently } from './concurrently.ts';
import type { Branch, ParallelState } from './definition.ts';
import { exceedsPayloadLimit, type Json, toJson } from './json.ts';
import { childKey, childOf, type ScopeProgress, type StateProgress } from './progress.ts';
import { evaluate, record, type Scope, visibleVariables } from './scope.ts';
import { dataLimitExceeded } from './state-failure.ts';

/** Runs a line of states to its end; run-states.ts, handed in because it runs this in turn. */
export type RunStates = (scope: Scope, branch: Branch) => Promise<string>;

export async function runParallel(
  scope: Scope,
  state: ParallelState,
  at: StateProgress,
  runStates: RunStates,
): Promise<Json> {
  const input = toJson(
    state.Arguments === undefined ? at.input : await evaluate(scope, state.Arguments, 'Arguments'),
  );
  if (exceedsPayloadLimit(input)) throw dataLimitExceeded(at.name, { terminal: true });
  if (at.attempt === undefined) record(scope, { type: 'ParallelStateStarted' });
  const outerVariables = visibleVariables(scope);
  const branches = state.Branches.map((branch, index) => {
    const key = childKey(at.name, index);
    return { branch, path: [...scope.path, key], progress: childOf(scope.progress, key) };
  });
  await concurrently(branches.length, branches.length, scope.signal, async (index, signal) => {
    const { branch, path, progress } = branches[index] as (typeof branches)[number];
    beginAt(progress, branch.StartAt, input);
    await runStates({ ...scope, path, progress, outerVariables, signal }, branch);
  });
  record(scope, { type: 'ParallelStateSucceeded' });
  return joinOutputs(
    at.name,
    branches.map(({ progress }) => outputOf(progress)),
  );
}

/** Puts a line of states that has not begun before its first state. */
export function beginAt(progress: ScopeProgress, state: string, input: string): void {
  if (hasBegun(progress)) return;
  progress.next = { state, input };
}

export function hasBegun({ current, next, ended }: ScopeProgress): boolean {
  return current !== undefined || next !== undefined || ended !== undefined;
}

export function outputOf({ ended }: ScopeProgress): string {
  if (ended?.status !== 'SUCCEEDED') throw new Error('a line of states has no output yet');
  return ended.output;
}

/** The result of a Parallel or a Map: an array of the outputs, which are JSON texts. */
export function joinOutputs(stateName: string, outputs: readonly string[]): Json {
  const json = `[${outputs.join(',')}]`;
  if (exceedsPayloadLimit(json)) throw dataLimitExceeded(stateName, { terminal: false });
  return JSON.parse(json) as Json;
}
