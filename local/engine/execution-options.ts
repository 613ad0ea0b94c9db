import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { HistoryEvent, HistoryStore } from './history.ts';
import type { Json, JsonObject } from './json.ts';
import type { Chance } from './jsonata-functions.ts';
import type { Definition } from './parse-definition.ts';

/** What a handler is given beside its payload: the part of Lambda's context that ours use, and a signal. */
export interface FunctionContext {
  readonly functionName: string;
  readonly invokedFunctionArn: string;
  readonly awsRequestId: string;
  /** Milliseconds until the function's own timeout. */
  getRemainingTimeInMillis(): number;
  /** Aborts on a timeout, when a sibling branch or item failed, and when the execution is stopped. */
  readonly signal: AbortSignal;
}

/** A function as the engine calls it. It may be called again with the same payload after a crash, so it must be idempotent. */
export type LocalFunction = (payload: Json, context: FunctionContext) => Promise<unknown>;

export interface EventEntry {
  Source: string;
  DetailType: string;
  Detail: Json;
  EventBusName?: string;
}

/** What the states of a machine reach: functions by their local names, events, containers and places by bucket name. */
export interface Bindings {
  readonly invoke: Readonly<Record<string, LocalFunction>>;
  /** Seconds after which a function is stopped, by name; 900 (Lambda's most) unless given. */
  readonly functionTimeoutSeconds?: Readonly<Record<string, number>>;
  /** `events:putEvents`. */
  readonly putEvents?: (
    entries: readonly EventEntry[],
    context: { signal: AbortSignal },
  ) => Promise<void>;
  /** `ecs:runTask.sync`: runs the task to its end; what it resolves to is the state's result. */
  readonly runTask?: (parameters: JsonObject, context: { signal: AbortSignal }) => Promise<unknown>;
  /** Where ItemReader reads and ResultWriter writes, by bucket name. */
  readonly objects?: Readonly<Record<string, ObjectStore>>;
}

export interface ResumeOptions extends Bindings {
  readonly definition: Definition;
  readonly stateMachineName: string;
  /** 1 to 80 of `A-Z a-z 0-9 _ - .`, not beginning with a dot. */
  readonly name: string;
  readonly history: HistoryStore;
  readonly clock: Clock;
  /** Stops the execution: it ends as ABORTED, and can be continued later under the same name. */
  readonly signal?: AbortSignal;
  /**
   * Each event as it is recorded; `recorded` is true for those that an earlier run wrote, given in their order before anything new.
   */
  readonly onEvent?: (event: HistoryEvent, recorded: boolean) => void;
  /** How long a handler that was told to stop may take to end before the execution goes on without it; 30 unless given. */
  readonly stopGraceSeconds?: number;
  /** Where jitter, `$random`, `$uuid` and the names of Map runs come from; the machine's own chance unless given. */
  readonly chance?: Chance;
}

export interface RunOptions extends ResumeOptions {
  readonly input: Json;
}

export type ExecutionStatus = 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

export interface ExecutionOutcome {
  readonly status: ExecutionStatus;
  /** Only of a SUCCEEDED execution. */
  readonly output?: Json;
  readonly error?: string;
  readonly cause?: string;
}
