import { bareError } from '../lib/bare-error.ts';
import { printLine } from './terminal/print-line.ts';
import { jsonLines } from './terminal/json-lines.ts';
import { printable } from './terminal/printable.ts';

const REMEDY =
  'This is a fault of snapbank. Run the same command again to continue; if it comes again, report it with the lines above.';

/**
 * Says what brought the process down, where nobody caught it. Node by itself would print all that hangs on the error and its causes,
 * such as the headers of a request.
 */
export function printCrash(
  thrown: unknown,
  { stdout, stderr }: { stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream },
  json: boolean,
): void {
  // What is thrown and is no error may be anything.
  const {
    name,
    message,
    stack = '',
  } = bareError(thrown instanceof Error ? thrown : new TypeError(`A ${typeof thrown} was thrown`));
  if (json) jsonLines(stdout)({ type: 'error', name, message, remedy: REMEDY });
  printLine(stderr, `snapbank: Crashed: ${printable(name)}: ${printable(message)}`);
  const frames = stack.split('\n').filter((line) => /^ +at /.test(line));
  for (const frame of frames) printLine(stderr, printable(frame));
  printLine(stderr, `  ${REMEDY}`);
}
