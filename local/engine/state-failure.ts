import type { ErrorDetails } from './history.ts';

interface StateFailureOptions {
  /** The state's own TimeoutSeconds ran out. */
  timedOut?: boolean;
  /** Where in the state that throws it an expression failed, as AWS names fields: `Output/a/b[0]`. */
  location?: string;
  /** Neither Retry nor Catch applies, whatever they name. */
  terminal?: boolean;
}

/** What ends a state without success, in the words of the language: an error name and a cause. Caught inside the engine only. */
export class StateFailure extends Error {
  override readonly name = 'StateFailure' as const;
  readonly details: ErrorDetails;
  readonly timedOut: boolean;
  readonly location: string | undefined;
  readonly terminal: boolean;

  constructor(error?: string, cause?: string, options: StateFailureOptions = {}) {
    super(`${error ?? 'no error name'}: ${cause ?? 'no cause'}`);
    this.details = { error, cause };
    this.timedOut = options.timedOut ?? false;
    this.location = options.location;
    this.terminal = options.terminal ?? false;
  }
}

/**
 * A payload above the limit. That of a result is an error like others; that of a state's input, output or variables is terminal.
 * (Step Functions' documentation calls all of them terminal, but a recorded execution shows States.ALL catching that of a result.)
 */
export function dataLimitExceeded(what: string, options: { terminal: boolean }): StateFailure {
  return new StateFailure(
    'States.DataLimitExceeded',
    `The state/task '${what}' returned a result with a size exceeding the maximum number of bytes service limit.`,
    options,
  );
}

/** Why an execution is stopped from outside its states; the reason of the signals that its states and handlers are given. */
export class ExecutionStopped extends Error {
  override readonly name = 'ExecutionStopped' as const;
  readonly status: 'ABORTED' | 'TIMED_OUT';

  constructor(status: 'ABORTED' | 'TIMED_OUT') {
    super(status === 'ABORTED' ? 'the execution was stopped' : 'the execution ran out of time');
    this.status = status;
  }
}
