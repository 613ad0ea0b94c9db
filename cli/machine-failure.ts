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

/** The error of a failed execution, as the function that threw it said it. */
export function machineFailure({ status, error, cause }: ExecutionOutcome): Error {
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
