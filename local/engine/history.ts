import type { StateType } from './definition.ts';

/** What a failure is to the language: `Error` and `Cause`, both optional in a Fail state. */
export interface ErrorDetails {
  error?: string | undefined;
  cause?: string | undefined;
}

interface ResourceDetails {
  /** `lambda`, `events` or `ecs`. */
  resourceType: string;
  /** `invoke`, `putEvents` or `runTask.sync`. */
  resource: string;
}

interface IterationDetails {
  name: string;
  index: number;
}

/** Members that GetExecutionHistory does not have; they stand beside its own, at the top of the event. */
export interface FailureExtras {
  /** When the state is tried again; absent where no retrier takes the error. */
  retryAt?: string | undefined;
  /** Neither Retry nor Catch applies. */
  terminal?: boolean | undefined;
}

type EventBody =
  | {
      type: 'ExecutionStarted';
      executionStartedEventDetails: { input: string };
      /** Digest of the definition; only on the event of the machine itself. */
      definitionSha256?: string | undefined;
    }
  | { type: 'ExecutionRedriven'; executionRedrivenEventDetails: { redriveCount: number } }
  | { type: 'ExecutionSucceeded'; executionSucceededEventDetails: { output: string } }
  | ({ type: 'ExecutionFailed'; executionFailedEventDetails: ErrorDetails } & FailureExtras)
  | { type: 'ExecutionTimedOut'; executionTimedOutEventDetails: ErrorDetails }
  | { type: 'ExecutionAborted'; executionAbortedEventDetails: ErrorDetails }
  | {
      type: `${StateType}StateEntered`;
      stateEnteredEventDetails: { name: string; input: string };
      /** When a Wait state ends, so that a resumed one ends then too. */
      waitUntil?: string | undefined;
    }
  | {
      type: `${StateType}StateExited`;
      stateExitedEventDetails: {
        name: string;
        output: string;
        /** JSON text by variable. */
        assignedVariables?: Record<string, string> | undefined;
      };
      /** The state that follows; absent after the last one. */
      next?: string | undefined;
    }
  | {
      type: 'TaskScheduled';
      taskScheduledEventDetails: ResourceDetails & {
        parameters: string;
        timeoutInSeconds?: number | undefined;
      };
    }
  | { type: 'TaskStarted'; taskStartedEventDetails: ResourceDetails }
  | { type: 'TaskSucceeded'; taskSucceededEventDetails: ResourceDetails & { output: string } }
  | ({ type: 'TaskFailed'; taskFailedEventDetails: ResourceDetails & ErrorDetails } & FailureExtras)
  | ({
      type: 'TaskTimedOut';
      taskTimedOutEventDetails: ResourceDetails & ErrorDetails;
    } & FailureExtras)
  | ({
      type: 'EvaluationFailed';
      evaluationFailedEventDetails: ErrorDetails & { location: string; state: string };
    } & FailureExtras)
  | { type: 'ParallelStateStarted' | 'ParallelStateSucceeded' | 'MapStateSucceeded' }
  | ({ type: 'ParallelStateFailed' | 'MapStateFailed' } & ErrorDetails & FailureExtras)
  | { type: 'MapStateStarted'; mapStateStartedEventDetails: { length: number } }
  | { type: 'MapIterationStarted'; mapIterationStartedEventDetails: IterationDetails }
  | { type: 'MapIterationSucceeded'; mapIterationSucceededEventDetails: IterationDetails }
  | ({
      type: 'MapIterationFailed';
      mapIterationFailedEventDetails: IterationDetails;
    } & ErrorDetails &
      FailureExtras)
  | { type: 'MapIterationAborted'; mapIterationAbortedEventDetails: IterationDetails }
  | { type: 'MapRunStarted'; mapRunStartedEventDetails: { mapRunArn: string } }
  | { type: 'MapRunSucceeded' }
  | { type: 'MapRunFailed'; mapRunFailedEventDetails: ErrorDetails };

/** A body as it is about to be recorded. */
export type NewEvent = EventBody;

/**
 * One event of an execution's history, shaped as GetExecutionHistory of Step Functions gives it (timestamps are ISO 8601).
 * The executions that a DISTRIBUTED Map starts stand in the history of the one that started them; `path` tells them apart, and each
 * counts its ids from 1.
 */
export type HistoryEvent = {
  id: number;
  /** The event before this one on the same line of states; 0 at its beginning. */
  previousEventId: number;
  timestamp: string;
  /**
   * Where it happened, from the outside in: one step `State[index]` for each Map item or Parallel branch around it; absent for the
   * states of the machine itself.
   */
  path?: readonly string[];
} & EventBody;

/** Keeps histories. One process at a time writes the history of an execution. */
export interface HistoryStore {
  /**
   * Opens the history of an execution, creating it where there is none, and keeps every other opener away until `close`.
   * Throws `ExecutionRunning` while somebody else has it open.
   */
  open(stateMachineName: string, executionName: string): Promise<OpenHistory>;
}

export interface OpenHistory {
  /** The recorded events, oldest first, whole ones only: a write that was cut off left nothing. Read once, before the first `append`. */
  read(): AsyncIterable<HistoryEvent>;
  /** Resolves when the event, and every one appended before it, will outlive a power cut. Calls need not wait for each other. */
  append(event: HistoryEvent): Promise<void>;
  /** Lets the next opener in. */
  close(): Promise<void>;
}
