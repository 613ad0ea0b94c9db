import { runCommandLine } from '../../cli/run.ts';
import { collector } from './collector.ts';

type Surroundings = Parameters<typeof runCommandLine>[1];

export interface RunOptions extends Partial<Surroundings> {
  env: Surroundings['env'];
  cwd: string;
  /** Of the terminal; without them the output is no terminal. */
  columns?: number | undefined;
}

export interface Collected {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** With --json: the last of them the summary or the error. */
  events: Record<string, unknown>[];
}

/** Runs the command in this process, and keeps what it says. */
export async function runCollected(
  argv: readonly string[],
  { columns, ...surroundings }: RunOptions,
): Promise<Collected> {
  const [stdout, stderr] = [collector(), collector()];
  const exitCode = await runCommandLine(argv, {
    onStopRequest: () => {},
    ...surroundings,
    stdout: Object.assign(stdout.stream, columns === undefined ? {} : { columns }),
    stderr: stderr.stream,
  });
  const lines = argv.includes('--json') ? stdout.text().trim().split('\n') : [];
  return {
    exitCode,
    stdout: stdout.text(),
    stderr: stderr.text(),
    events: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
