import type { MapState } from './definition.ts';
import { EvaluationError } from './evaluator.ts';
import { exceedsPayloadLimit, type Json, type JsonObject, toJson } from './json.ts';
import {
  currentState,
  evaluate,
  evaluateNumber,
  evaluateTo,
  evaluationFailure,
  type Scope,
} from './scope.ts';
import { dataLimitExceeded } from './state-failure.ts';

/** The items that a Map has without an ItemReader: those of `Items`, or its input. */
export async function givenItems(scope: Scope, state: MapState): Promise<Json[]> {
  if (state.Items !== undefined) return await evaluateTo('array', scope, state.Items, 'Items');
  const at = currentState(scope);
  const { input } = at;
  if (Array.isArray(input)) return input;
  throw evaluationFailure(
    at,
    new EvaluationError('Items', `Map state input must be an array but was: ${toJson(input)}`),
  );
}

/** The runs that a Map makes of its items: one for each, or one for each batch. */
export interface MapRuns {
  readonly count: number;
  /** How many items the run has. */
  weightOf(index: number): number;
  /** The run's input as JSON text, made when it is wanted. */
  inputOf(index: number): Promise<string>;
}

export async function mapRuns(
  scope: Scope,
  state: MapState,
  items: readonly Json[],
): Promise<MapRuns> {
  const select = async (index: number): Promise<Json> => {
    const mapItem = { Index: index, Value: items[index] ?? null };
    if (state.ItemSelector === undefined) return mapItem.Value;
    return await evaluate(scope, state.ItemSelector, 'ItemSelector', { mapItem });
  };
  const batcher = state.ItemBatcher;
  if (batcher === undefined) {
    return {
      count: items.length,
      weightOf: () => 1,
      inputOf: async (index) => checked(scope, await select(index)),
    };
  }
  const place = 'ItemBatcher/MaxItemsPerBatch';
  const size = await evaluateNumber(scope, batcher.MaxItemsPerBatch, place, { minimum: 1 });
  const common: JsonObject =
    batcher.BatchInput === undefined
      ? {}
      : { BatchInput: await evaluate(scope, batcher.BatchInput, 'ItemBatcher/BatchInput') };
  const weightOf = (index: number) => Math.min(size, items.length - index * size);
  return {
    count: Math.ceil(items.length / size),
    weightOf,
    inputOf: async (index) => {
      const indexes = Array.from({ length: weightOf(index) }, (_, item) => index * size + item);
      return checked(scope, { ...common, Items: await Promise.all(indexes.map(select)) });
    },
  };
}

function checked(scope: Scope, input: Json): string {
  const json = toJson(input);
  if (!exceedsPayloadLimit(json)) return json;
  throw dataLimitExceeded(currentState(scope).name, { terminal: true });
}

/** Tells of a number of failed items whether the Map tolerates so many. */
export async function toleranceOf(
  scope: Scope,
  state: MapState,
  itemCount: number,
): Promise<(failedItems: number) => boolean> {
  const number = async (
    field: 'ToleratedFailureCount' | 'ToleratedFailurePercentage',
    limits: { minimum: number; maximum?: number; fractions?: boolean },
  ) =>
    state[field] === undefined
      ? undefined
      : await evaluateNumber(scope, state[field], field, limits);
  const count = await number('ToleratedFailureCount', { minimum: 0 });
  const limits = { minimum: 0, maximum: 100, fractions: true };
  const percentage = await number('ToleratedFailurePercentage', limits);
  return (failedItems) => {
    if (count === undefined && percentage === undefined) return failedItems === 0;
    if (count !== undefined && failedItems > count) return false;
    return percentage === undefined || failedItems * 100 <= percentage * itemCount;
  };
}
