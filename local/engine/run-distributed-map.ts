import { concurrently } from './concurrently.ts';
import type { MapState } from './definition.ts';
import { readItems } from './item-reader.ts';
import { type Json, toJson } from './json.ts';
import { type MapRuns, mapRuns, toleranceOf } from './map-items.ts';
import { childKey, childOf, newScope, type StateProgress } from './progress.ts';
import { type ChildExecution, describeChild, writeResults } from './result-writer.ts';
import { beginAt, joinOutputs, type RunStates } from './run-parallel.ts';
import { record, type Scope } from './scope.ts';
import { StateFailure } from './state-failure.ts';

interface MapOptions {
  /** Undefined where ItemReader reads them. */
  items: readonly Json[] | undefined;
  concurrency: number;
  runStates: RunStates;
}

/** Runs each item or batch as an execution of its own: with its own history to fill, and without the variables around the Map. */
export async function runDistributedMap(
  scope: Scope,
  state: MapState,
  at: StateProgress,
  options: MapOptions,
): Promise<Json> {
  if (at.attempt?.mapRunArn === undefined) {
    const { run } = scope;
    const mapRunArn = `local:${run.options.stateMachineName}/${state.Label ?? at.name}:${run.chance.uuid()}`;
    record(scope, { type: 'MapRunStarted', mapRunStartedEventDetails: { mapRunArn } });
  }
  try {
    const result = await runChildren(scope, state, at, options);
    record(scope, { type: 'MapRunSucceeded' });
    return result;
  } catch (error) {
    if (error instanceof StateFailure) {
      record(scope, { type: 'MapRunFailed', mapRunFailedEventDetails: error.details });
    }
    throw error;
  }
}

async function runChildren(
  scope: Scope,
  state: MapState,
  at: StateProgress,
  options: MapOptions,
): Promise<Json> {
  const items =
    options.items ??
    (state.ItemReader === undefined ? [] : await readItems(scope, state.ItemReader));
  const runs = await mapRuns(scope, state, items);
  const tolerates = await toleranceOf(scope, state, items.length);
  const progressOf = (index: number) => at.attempt?.children.get(childKey(at.name, index));
  const indexes = Array.from({ length: runs.count }, (_, index) => index);
  let failedItems = indexes
    .filter((index) => progressOf(index)?.ended?.status === 'FAILED')
    .reduce((sum, index) => sum + runs.weightOf(index), 0);
  const checkTolerance = () => {
    if (tolerates(failedItems)) return;
    throw new StateFailure(
      'States.ExceedToleratedFailureThreshold',
      'The specified tolerated failure threshold was exceeded',
    );
  };
  const describe = async (index: number): Promise<ChildExecution> => {
    const progress = progressOf(index);
    const input = progress?.executionInput ?? (await runs.inputOf(index));
    return { ...identify(scope, childKey(at.name, index)), input, progress };
  };
  const write = async () => {
    const { ResultWriter: writer } = state;
    if (writer === undefined) return undefined;
    const children = await Promise.all(indexes.map(describe));
    return await writeResults(scope, writer, at.attempt?.mapRunArn ?? '', children);
  };
  try {
    await concurrently(runs.count, options.concurrency, scope.signal, async (index, signal) => {
      const ended = await runChild(scope, state, at, { index, runs, signal, ...options });
      if (ended === 'FAILED') failedItems += runs.weightOf(index);
      checkTolerance();
    });
  } catch (error) {
    // The results of a run that failed are written as well as they can be; what failed first is what is told.
    if (error instanceof StateFailure) await write().catch(() => scope.signal.throwIfAborted());
    throw error;
  }
  const written = await write();
  if (written !== undefined) return written;
  const outputs = indexes.map(async (index) => {
    const ended = progressOf(index)?.ended;
    if (ended?.status === 'SUCCEEDED') return ended.output;
    return toJson(describeChild(scope, await describe(index)));
  });
  return joinOutputs(at.name, await Promise.all(outputs));
}

/** Runs the execution of one item or batch to its end; undefined if an earlier run had brought it there. */
async function runChild(
  scope: Scope,
  state: MapState,
  at: StateProgress,
  options: { index: number; runs: MapRuns; signal: AbortSignal; runStates: RunStates },
): Promise<'SUCCEEDED' | 'FAILED' | undefined> {
  const { index, runs, signal, runStates } = options;
  const key = childKey(at.name, index);
  const earlier = at.attempt?.children.get(key);
  if (earlier?.closed) return undefined;
  const input = earlier?.executionInput ?? (await runs.inputOf(index));
  const progress = childOf(scope.progress, key, newScope());
  const path = [...scope.path, key];
  if (progress.executionInput === undefined) {
    scope.run.log.record(progress, path, {
      type: 'ExecutionStarted',
      executionStartedEventDetails: { input },
    });
  }
  const startTime = progress.startedAt ?? '';
  const execution = { ...identify(scope, key), input: JSON.parse(input) as Json, startTime };
  const inner = { mapItem: undefined, outerVariables: {} };
  const child: Scope = { ...scope, ...inner, path, progress, signal, execution };
  beginAt(progress, state.ItemProcessor.StartAt, input);
  try {
    const output = await runStates(child, state.ItemProcessor);
    record(child, { type: 'ExecutionSucceeded', executionSucceededEventDetails: { output } });
    // Nobody gets ahead of the disk: what waits to be written stays small, however many items there are.
    await scope.run.log.durable();
    return 'SUCCEEDED';
  } catch (error) {
    if (error instanceof StateFailure) {
      const terminal = error.terminal ? true : undefined;
      const executionFailedEventDetails = error.details;
      record(child, { type: 'ExecutionFailed', executionFailedEventDetails, terminal });
      await scope.run.log.durable();
      return 'FAILED';
    }
    if (signal.aborted) {
      record(child, { type: 'ExecutionAborted', executionAbortedEventDetails: {} });
    }
    throw error;
  }
}

/** Name and id of an item's execution, the same whenever the item is run: `NAME.State-3`. */
function identify(scope: Scope, key: string): { id: string; name: string } {
  const { name: machineExecution, stateMachineName } = scope.run.options;
  const steps = [...scope.path, key].map((step) =>
    step.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/-$/, ''),
  );
  const name = [machineExecution, ...steps].join('.');
  return { id: `local:${stateMachineName}:${name}`, name };
}
