import { SnapbankError } from '../lib/errors.ts';
import { redactUrls } from '../lib/http/redact.ts';
import { remedyOf } from './remedies.ts';
import { printable } from './terminal/printable.ts';

/** Errors that mean wrong usage or configuration: nothing was done, exit code 2. Everything else that goes wrong is 1. */
const CONFIGURATION_ERRORS = new Set([
  'InvalidInput',
  'AuthenticationFailed',
  'EndpointNotFound',
  'BankNotFound',
  'BankExists',
  'UnsupportedBank',
  'RegisterLost',
  'BankIsCopy',
  'WrongKey',
  'KeyMissing',
  'KeyFileUnusable',
  'PutIfAbsentNotProven',
  'ObjectLockUnavailable',
  'CheckpointNotFound',
  'CheckpointAmbiguous',
  'NoServerSelected',
  'ExecutionDoesNotExist',
  'StateMachineNotFound',
  'StateMachineAmbiguous',
  'AwsCredentialsRefused',
  'AwsPermissionMissing',
]);

export function exitCodeOf(errorName: string): 1 | 2 {
  return CONFIGURATION_ERRORS.has(errorName) ? 2 : 1;
}

/** An error as a person reads it: what happened, and what to do about it. */
export function describeError(error: unknown): { name: string; message: string; remedy?: string } {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const said = error instanceof SnapbankError ? error.message : redactUrls(error.message);
  const message = said === '' ? error.name : said;
  const remedy =
    error instanceof SnapbankError
      ? (error.constructor as { remedy?: string }).remedy
      : remedyOf(error.name);
  return { name: error.name, message, ...(remedy === undefined ? {} : { remedy }) };
}

export function errorLines(error: unknown): string[] {
  const { name, message, remedy } = describeError(error);
  const lines = [
    `snapbank: ${printable(name)}: ${message.split('\n').map(printable).join('\n  ')}`,
  ];
  if (remedy !== undefined) lines.push(`  ${remedy}`);
  return lines;
}
