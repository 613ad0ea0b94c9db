import type { ErrorDetails, FailureExtras, HistoryEvent } from './history.ts';
import type { Json, JsonObject } from './json.ts';

/** A failure of a state as the history has it. */
export type RecordedFailure = ErrorDetails & FailureExtras;

export type Ended =
  | { status: 'SUCCEEDED'; output: string }
  | ({ status: 'FAILED' | 'TIMED_OUT' | 'ABORTED' } & RecordedFailure);

/** The state that a line of states is in. */
export interface StateProgress {
  readonly name: string;
  readonly input: Json;
  readonly enteredAt: string;
  readonly enteredEventId: number;
  readonly waitUntil: string | undefined;
  /** Failures after which it was, or is to be, tried again, oldest first. */
  retried: RecordedFailure[];
  /** The last attempt's failure, until it was dealt with. */
  pending: RecordedFailure | undefined;
  attempt: Attempt | undefined;
}

/** One try of a Task, a Parallel or a Map. */
export interface Attempt {
  task: { parameters: string; timeoutSeconds: number | undefined } | undefined;
  /** JSON text of the task's result. */
  result: string | undefined;
  mapRunArn: string | undefined;
  /** Items and branches by `State[index]`. */
  readonly children: Map<string, ScopeProgress>;
}

/** How far a line of states has come: a machine, a Parallel's branch or a Map's item. */
export interface ScopeProgress {
  /** Number of events of the execution; its INLINE items and its branches count with it. */
  events: { count: number };
  lastEventId: number;
  /** JSON text of the execution's input; of a branch or an INLINE item undefined. */
  executionInput: string | undefined;
  startedAt: string | undefined;
  endedAt: string | undefined;
  definitionSha256: string | undefined;
  redriveCount: number;
  variables: JsonObject;
  current: StateProgress | undefined;
  /** Where it goes on, between two states. */
  next: { state: string; input: string } | undefined;
  ended: Ended | undefined;
  /** Its end is recorded by an event of its own. */
  closed: boolean;
}

export function newScope(events = { count: 0 }, lastEventId = 0): ScopeProgress {
  return {
    events,
    lastEventId,
    executionInput: undefined,
    startedAt: undefined,
    endedAt: undefined,
    definitionSha256: undefined,
    redriveCount: 0,
    variables: {},
    current: undefined,
    next: undefined,
    ended: undefined,
    closed: false,
  };
}

export function newState(
  entered: { name: string; input: string },
  enteredAt: string,
  enteredEventId: number,
  waitUntil?: string,
): StateProgress {
  return {
    name: entered.name,
    input: JSON.parse(entered.input) as Json,
    enteredAt,
    enteredEventId,
    waitUntil,
    retried: [],
    pending: undefined,
    attempt: undefined,
  };
}

/**
 * Takes an event into the progress of the line of states that it belongs to. A run that goes on after a crash folds its recorded
 * events with this function, and a run under way folds each event as it records it: both stand on the same ground.
 */
export function apply(scope: ScopeProgress, event: HistoryEvent): void {
  scope.lastEventId = event.id;
  const failed = failureOf(event);
  if (failed !== undefined) fail(scope, failed);
  else if ('executionStartedEventDetails' in event) start(scope, event);
  else if ('stateEnteredEventDetails' in event) {
    const { stateEnteredEventDetails, timestamp, id, waitUntil } = event;
    scope.current = newState(stateEnteredEventDetails, timestamp, id, waitUntil);
    scope.next = undefined;
  } else if ('stateExitedEventDetails' in event) exit(scope, event);
  else if ('taskScheduledEventDetails' in event) {
    const { parameters, timeoutInSeconds } = event.taskScheduledEventDetails;
    begin(scope).task = { parameters, timeoutSeconds: timeoutInSeconds };
  } else if ('taskSucceededEventDetails' in event) {
    attemptOf(scope).result = event.taskSucceededEventDetails.output;
  } else if (event.type === 'MapStateStarted' || event.type === 'ParallelStateStarted') {
    begin(scope);
  } else if ('mapRunStartedEventDetails' in event) {
    attemptOf(scope).mapRunArn = event.mapRunStartedEventDetails.mapRunArn;
  } else if ('mapIterationStartedEventDetails' in event) {
    const { name, index } = event.mapIterationStartedEventDetails;
    childOf(scope, childKey(name, index));
  } else if ('mapIterationSucceededEventDetails' in event) {
    const { name, index } = event.mapIterationSucceededEventDetails;
    childOf(scope, childKey(name, index)).closed = true;
  } else if ('mapIterationFailedEventDetails' in event) {
    const { name, index } = event.mapIterationFailedEventDetails;
    end(childOf(scope, childKey(name, index)), event, {
      status: 'FAILED',
      ...failure(event, event),
    });
  } else if ('executionSucceededEventDetails' in event) {
    scope.closed = true;
  } else if ('executionFailedEventDetails' in event) {
    const details = failure(event, event.executionFailedEventDetails);
    end(scope, event, { status: 'FAILED', ...details });
  } else if ('executionTimedOutEventDetails' in event) {
    end(scope, event, { status: 'TIMED_OUT', ...event.executionTimedOutEventDetails });
  } else if ('executionAbortedEventDetails' in event && event.path === undefined) {
    // That of a Map's item is none: the item goes on where it stood if the Map does.
    end(scope, event, { status: 'ABORTED', ...event.executionAbortedEventDetails });
  } else if ('executionRedrivenEventDetails' in event) {
    scope.redriveCount = event.executionRedrivenEventDetails.redriveCount;
    reopen(scope);
  }
  scope.events.count = event.id;
}

/** The progress that an event belongs to, found from the outermost one by the event's path. */
export function scopeAt(root: ScopeProgress, path: readonly string[] = []): ScopeProgress {
  return path.reduce((scope, key) => childOf(scope, key), root);
}

export function childKey(stateName: string, index: number): string {
  return `${stateName}[${index}]`;
}

/** The item or branch `key` of the attempt under way, made where it is new. */
export function childOf(
  scope: ScopeProgress,
  key: string,
  made = newScope(scope.events, scope.lastEventId),
): ScopeProgress {
  const { children } = attemptOf(scope);
  const child = children.get(key) ?? made;
  children.set(key, child);
  return child;
}

function start(
  scope: ScopeProgress,
  event: Extract<HistoryEvent, { type: 'ExecutionStarted' }>,
): void {
  scope.events = { count: 0 };
  // The first state's event follows nothing: so do the histories of Step Functions have it.
  scope.lastEventId = 0;
  scope.startedAt = event.timestamp;
  scope.executionInput = event.executionStartedEventDetails.input;
  scope.definitionSha256 = event.definitionSha256;
}

function exit(
  scope: ScopeProgress,
  event: Extract<HistoryEvent, { stateExitedEventDetails: unknown }>,
): void {
  const { output, assignedVariables = {} } = event.stateExitedEventDetails;
  for (const [name, json] of Object.entries(assignedVariables)) {
    scope.variables[name] = JSON.parse(json) as Json;
  }
  scope.current = undefined;
  if (event.next !== undefined) scope.next = { state: event.next, input: output };
  else {
    scope.variables = {};
    scope.ended = { status: 'SUCCEEDED', output };
    scope.endedAt = event.timestamp;
  }
}

function end(scope: ScopeProgress, event: HistoryEvent, ended: Ended): void {
  scope.ended = ended;
  scope.endedAt = event.timestamp;
  scope.closed = true;
}

function begin(scope: ScopeProgress): Attempt {
  const current = currentOf(scope);
  current.pending = undefined;
  current.attempt = {
    task: undefined,
    result: undefined,
    mapRunArn: undefined,
    children: new Map(),
  };
  return current.attempt;
}

function fail(scope: ScopeProgress, failed: RecordedFailure): void {
  const current = currentOf(scope);
  if (failed.retryAt !== undefined) current.retried.push(failed);
  current.pending = failed;
}

/**
 * A redrive: what did not succeed goes on where it stopped, its retries counted anew. Items and branches that succeeded stay so; a
 * failed Task is run again from its arguments on.
 */
function reopen(scope: ScopeProgress): void {
  if (scope.ended?.status === 'SUCCEEDED') return;
  scope.ended = undefined;
  scope.closed = false;
  const { current } = scope;
  if (current === undefined) return;
  current.retried = [];
  current.pending = undefined;
  if (current.attempt?.task !== undefined) current.attempt = undefined;
  if (current.attempt === undefined) return;
  current.attempt.mapRunArn = undefined;
  for (const child of current.attempt.children.values()) reopen(child);
}

function currentOf(scope: ScopeProgress): StateProgress {
  if (scope.current === undefined) throw new Error('an event of a state that was not entered');
  return scope.current;
}

function attemptOf(scope: ScopeProgress): Attempt {
  const { attempt } = currentOf(scope);
  if (attempt === undefined) throw new Error('an event of a state that was not begun');
  return attempt;
}

function failureOf(event: HistoryEvent): RecordedFailure | undefined {
  if ('taskFailedEventDetails' in event) return failure(event, event.taskFailedEventDetails);
  if ('taskTimedOutEventDetails' in event) return failure(event, event.taskTimedOutEventDetails);
  if ('evaluationFailedEventDetails' in event) {
    return failure(event, event.evaluationFailedEventDetails);
  }
  if (event.type === 'ParallelStateFailed' || event.type === 'MapStateFailed') {
    return failure(event, event);
  }
  return undefined;
}

function failure(extras: FailureExtras, { error, cause }: ErrorDetails): RecordedFailure {
  return { error, cause, retryAt: extras.retryAt, terminal: extras.terminal };
}
