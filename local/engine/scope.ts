import { expressionSource } from './definition.ts';
import { EvaluationError, type Evaluator } from './evaluator.ts';
import type { EventLog } from './event-log.ts';
import type { ResumeOptions } from './execution-options.ts';
import type { NewEvent } from './history.ts';
import { type Json, type JsonObject, toJson, typeName } from './json.ts';
import type { Chance } from './jsonata-functions.ts';
import type { ScopeProgress, StateProgress } from './progress.ts';
import { StateFailure } from './state-failure.ts';

/** What all states of a run share. */
export interface Run {
  readonly options: ResumeOptions;
  readonly chance: Chance;
  readonly evaluator: Evaluator;
  readonly log: EventLog;
}

/** An execution in Step Functions' sense: the machine's, or one that a DISTRIBUTED Map started. */
export interface Execution {
  readonly id: string;
  readonly name: string;
  readonly input: Json;
  readonly startTime: string;
}

export interface MapItem {
  readonly Index: number;
  readonly Value: Json;
}

/** A line of states as it runs: a machine, a Parallel's branch or a Map's item. */
export interface Scope {
  readonly run: Run;
  readonly execution: Execution;
  readonly path: readonly string[];
  readonly progress: ScopeProgress;
  /** Variables of the scopes around it. */
  readonly outerVariables: JsonObject;
  readonly mapItem: MapItem | undefined;
  readonly signal: AbortSignal;
}

export function record(scope: Scope, event: NewEvent): void {
  scope.run.log.record(scope.progress, scope.path, event);
}

/** The state that the scope is in. */
export function currentState(scope: Scope): StateProgress {
  if (scope.progress.current === undefined) throw new Error('the scope is between two states');
  return scope.progress.current;
}

export function visibleVariables(scope: Scope): JsonObject {
  return { ...scope.outerVariables, ...scope.progress.variables };
}

/** How the cause of an error begins that the engine itself found in a state, as on AWS. */
export function whileExecuting(at: StateProgress): string {
  return `An error occurred while executing the state '${at.name}' (entered at the event id #${at.enteredEventId}).`;
}

export interface EvaluateOptions {
  /** Members of `$states` beside `input` and `context`. */
  states?: JsonObject;
  /** The item that `$states.context.Map.Item` shows; the scope's own unless given. */
  mapItem?: MapItem;
  /** The state whose field it is; the current one unless given. */
  at?: StateProgress;
}

/** The value of a state's field. A failure is States.QueryEvaluationError with AWS's wording. */
export async function evaluate(
  scope: Scope,
  template: Json,
  location: string,
  options: EvaluateOptions = {},
): Promise<Json> {
  const at = options.at ?? currentState(scope);
  const context = contextObject(scope, at, options.mapItem ?? scope.mapItem);
  const states = { input: at.input, context, ...options.states };
  try {
    const variables = { ...visibleVariables(scope), states };
    return await scope.run.evaluator.evaluate(template, variables, location);
  } catch (error) {
    if (error instanceof EvaluationError) throw evaluationFailure(at, error);
    throw error;
  }
}

interface TypeNames {
  array: Json[];
  boolean: boolean;
  number: number;
  object: JsonObject;
  string: string;
}

/** `evaluate` for a field that takes one type of value only. */
export async function evaluateTo<Name extends keyof TypeNames>(
  type: Name,
  scope: Scope,
  template: Json,
  location: string,
  options: EvaluateOptions = {},
): Promise<TypeNames[Name]> {
  const value = await evaluate(scope, template, location, options);
  if (typeName(value) === type) return value as TypeNames[Name];
  throw evaluationFailure(
    options.at ?? currentState(scope),
    new EvaluationError(
      location,
      `The JSONata expression '${sourceOf(template)}' specified for the field '${location}' returned an ` +
        `unexpected result type. Expected '${type}', but was '${typeName(value)}' for value: ${toJson(value)}`,
    ),
  );
}

function sourceOf(template: Json): string {
  return (typeof template === 'string' && expressionSource(template)) || toJson(template);
}

/** `evaluate` for a field that takes numbers from `minimum` to `maximum`, whole ones only unless `fractions`. */
export async function evaluateNumber(
  scope: Scope,
  template: Json,
  location: string,
  limits: { minimum: number; maximum?: number; fractions?: boolean },
  options: EvaluateOptions = {},
): Promise<number> {
  const value = await evaluateTo('number', scope, template, location, options);
  const fits = value >= limits.minimum && value <= (limits.maximum ?? Number.MAX_SAFE_INTEGER);
  if (fits && (limits.fractions === true || Number.isInteger(value))) return value;
  throw evaluationFailure(
    options.at ?? currentState(scope),
    new EvaluationError(
      location,
      `The value ${value} is out of range for the field '${location}'.`,
    ),
  );
}

export function evaluationFailure(at: StateProgress, error: EvaluationError): StateFailure {
  const cause = `${whileExecuting(at)} ${error.message}`;
  return new StateFailure('States.QueryEvaluationError', cause, { location: error.location });
}

function contextObject(scope: Scope, at: StateProgress, mapItem: MapItem | undefined): JsonObject {
  const { stateMachineName } = scope.run.options;
  const { id, name, input, startTime } = scope.execution;
  return {
    Execution: { Id: id, Name: name, Input: input, StartTime: startTime },
    State: { Name: at.name, EnteredTime: at.enteredAt, RetryCount: at.retried.length },
    StateMachine: { Id: `local:${stateMachineName}`, Name: stateMachineName },
    ...(mapItem === undefined ? {} : { Map: { Item: { ...mapItem } } }),
  };
}
