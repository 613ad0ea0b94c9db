import { CommanderError } from 'commander';
import { errorLines, exitCodeOf, describeError } from './command-error.ts';
import type { Surroundings } from './context.ts';
import { jsonLines } from './terminal/json-lines.ts';
import { createProgram } from './program.ts';
import { printLine } from './terminal/print-line.ts';

export interface Process extends Omit<Surroundings, 'signal'> {
  /** Calls the listener at Ctrl-C and when the process is asked to end. */
  onStopRequest: (listener: () => void) => void;
}

/** Runs one command line. Resolves to the exit code: 0 all well, 1 something failed, 2 wrong usage or configuration. */
export async function runCommandLine(
  argv: readonly string[],
  { onStopRequest, ...surroundings }: Process,
): Promise<number> {
  const stop = new AbortController();
  onStopRequest(() => {
    if (stop.signal.aborted) return;
    printLine(surroundings.stderr, 'snapbank: Stopping in good order. To end at once, ask again.');
    stop.abort(new Stopped());
  });
  const state = { exitCode: 0 };
  const program = createProgram({ ...surroundings, signal: stop.signal }, state);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return state.exitCode;
  } catch (error) {
    // Commander has said it already; its code is 0 for --help and --version.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (argv.includes('--json')) {
        jsonLines(surroundings.stdout)({
          type: 'error',
          name: 'InvalidInput',
          message: error.message.replace(/^error: /, ''),
          remedy: 'snapbank --help lists commands and options.',
        });
      }
      return 2;
    }
    if (argv.includes('--json')) {
      jsonLines(surroundings.stdout)({ type: 'error', ...describeError(error) });
    }
    for (const line of errorLines(error)) printLine(surroundings.stderr, line);
    return exitCodeOf(error instanceof Error ? error.name : 'Error');
  }
}

/** Ctrl-C, or a signal that asks the process to end. */
class Stopped extends Error {
  override readonly name = 'Stopped' as const;
  constructor() {
    super('Stopped before the end. Run the same command again to continue.');
  }
}
