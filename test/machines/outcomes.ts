import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import { errorClasses } from '../error-classes.ts';

const NAMED = new Set(errorClasses().map(({ name }) => name));

/** `SUCCEEDED`, or the error of the execution or of its only server. Throws for one that is neither ours nor of Step Functions. */
export function outcomeName({ status, error = '', cause = '' }: ExecutionOutcome): string {
  if (status === 'SUCCEEDED') return status;
  const name = error === 'BackupIncomplete' ? failureIn(cause) : error;
  if (!NAMED.has(name) && !name.startsWith('States.')) {
    throw new Error(`An error without a name of ours: ${name} (${cause})`);
  }
  return name;
}

function failureIn(cause: string): string {
  const { failures } = JSON.parse(cause) as { failures: { error: string }[] };
  return failures[0]?.error ?? '';
}

export function expectEqual(found: Uint8Array, wanted: Uint8Array, what: string): void {
  if (Buffer.compare(found, wanted) !== 0)
    throw new Error(`Not the data that was written: ${what}.`);
}
