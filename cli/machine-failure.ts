import * as z from 'zod';
import { SnapbankError } from '../lib/errors.ts';
import type { ExecutionOutcome } from '../local/engine/execution-options.ts';

const LambdaCause = z.object({ errorMessage: z.string() });

/** An execution failed as a whole; carries the name of the error that ended it. */
class ExecutionFailed extends Error {
  override readonly name: string;
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The execution was stopped from outside and can be continued. */
export class ExecutionStopped extends SnapbankError {
  static readonly when = 'The command was stopped by Ctrl-C or a signal.';
  static readonly remedy = 'Run the same command again: it continues where it was.';
  override readonly name = 'ExecutionStopped' as const;
}

/** Somebody stopped the execution in AWS. */
export class ExecutionAborted extends SnapbankError {
  static readonly when = 'An execution in AWS was stopped from outside before its end.';
  static readonly remedy =
    'What it left behind is swept away by itself. Start it again when the reason for the stop is gone.';
  override readonly name = 'ExecutionAborted' as const;
}

/** The execution ran out of the time that its machine has. */
export class ExecutionTimedOut extends SnapbankError {
  static readonly when = 'An execution took longer than its state machine allows.';
  static readonly remedy =
    'What it left behind is swept away by itself. Look at what it waited for (snapbank watch, the console), then start it again.';
  override readonly name = 'ExecutionTimedOut' as const;
}

/** The error of a failed execution, as the function that threw it said it. */
export function machineFailure({ status, error, cause }: ExecutionOutcome): Error {
  const said = [error, cause].filter((text) => text !== undefined && text !== '').join(': ');
  if (status === 'ABORTED') {
    return new ExecutionAborted(`The execution was stopped${said === '' ? '' : ` (${said})`}.`);
  }
  if (status === 'TIMED_OUT') {
    return new ExecutionTimedOut(
      `The execution ran out of time${said === '' ? '' : ` (${said})`}.`,
    );
  }
  const parsed = LambdaCause.safeParse(jsonOf(cause ?? ''));
  const message = parsed.success ? parsed.data.errorMessage : (cause ?? '');
  return new ExecutionFailed(
    error ?? status,
    message === '' ? `The execution ${status}.` : message,
  );
}

export function stoppedMessage(name: string): ExecutionStopped {
  return new ExecutionStopped(`Stopped. Execution ${name} is unfinished.`, {
    identifiers: { execution: name },
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
