import { concurrently } from './concurrently.ts';
import { isDistributed, type MapState } from './definition.ts';
import type { Json } from './json.ts';
import { failureOf } from './handle-failure.ts';
import { givenItems, mapRuns } from './map-items.ts';
import { childKey, childOf, type StateProgress } from './progress.ts';
import { runDistributedMap } from './run-distributed-map.ts';
import { beginAt, hasBegun, joinOutputs, outputOf, type RunStates } from './run-parallel.ts';
import { evaluateNumber, record, type Scope, visibleVariables } from './scope.ts';
import { StateFailure } from './state-failure.ts';

/** What MaxConcurrency 0 stands for: on AWS 40 INLINE items and 10,000 DISTRIBUTED ones, here as many as one computer bears. */
const MOST_AT_ONCE = { INLINE: 40, DISTRIBUTED: 1000 };

export async function runMap(
  scope: Scope,
  state: MapState,
  at: StateProgress,
  runStates: RunStates,
): Promise<Json> {
  const items = state.ItemReader === undefined ? await givenItems(scope, state) : undefined;
  const mode = isDistributed(state) ? 'DISTRIBUTED' : 'INLINE';
  const limit = await evaluateNumber(scope, state.MaxConcurrency ?? 0, 'MaxConcurrency', {
    minimum: 0,
  });
  const concurrency = limit === 0 ? MOST_AT_ONCE[mode] : limit;
  if (at.attempt === undefined) {
    record(scope, {
      type: 'MapStateStarted',
      mapStateStartedEventDetails: { length: items?.length ?? 0 },
    });
  }
  const result =
    mode === 'DISTRIBUTED'
      ? await runDistributedMap(scope, state, at, { items, concurrency, runStates })
      : await runInlineMap(scope, state, at, { items: items ?? [], concurrency, runStates });
  record(scope, { type: 'MapStateSucceeded' });
  return result;
}

async function runInlineMap(
  scope: Scope,
  state: MapState,
  at: StateProgress,
  options: { items: readonly Json[]; concurrency: number; runStates: RunStates },
): Promise<Json> {
  const { items, concurrency, runStates } = options;
  const { ItemProcessor: processor } = state;
  const runs = await mapRuns(scope, state, items);
  const outerVariables = visibleVariables(scope);
  for (const { ended } of at.attempt?.children.values() ?? []) {
    if (ended?.status === 'FAILED') throw failureOf(ended);
  }
  await concurrently(runs.count, concurrency, scope.signal, async (index, signal) => {
    const details = { name: at.name, index };
    const key = childKey(at.name, index);
    if (at.attempt?.children.has(key) !== true) {
      record(scope, { type: 'MapIterationStarted', mapIterationStartedEventDetails: details });
    }
    const progress = childOf(scope.progress, key);
    if (progress.closed) return;
    const mapItem = { Index: index, Value: items[index] ?? null };
    const path = [...scope.path, key];
    try {
      if (!hasBegun(progress)) beginAt(progress, processor.StartAt, await runs.inputOf(index));
      await runStates({ ...scope, path, progress, outerVariables, mapItem, signal }, processor);
      record(scope, { type: 'MapIterationSucceeded', mapIterationSucceededEventDetails: details });
    } catch (error) {
      if (error instanceof StateFailure) {
        const extras = { ...error.details, terminal: error.terminal ? true : undefined };
        record(scope, {
          type: 'MapIterationFailed',
          mapIterationFailedEventDetails: details,
          ...extras,
        });
      } else if (signal.aborted) {
        record(scope, { type: 'MapIterationAborted', mapIterationAbortedEventDetails: details });
      }
      throw error;
    }
  });
  const keys = Array.from({ length: runs.count }, (_, index) => childKey(at.name, index));
  return joinOutputs(
    at.name,
    keys.map((key) => outputOf(childOf(scope.progress, key))),
  );
}
