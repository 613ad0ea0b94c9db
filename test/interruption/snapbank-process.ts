import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { SignalPlan } from './moments.ts';

const launcher = resolve(import.meta.dirname, '../../cli/snapbank.cjs');
const preload = resolve(import.meta.dirname, 'signal-at.ts');
const LONGEST_MILLISECONDS = 120_000;

export interface Ended {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Events of --json; a line that was cut off is left out. */
  events: Record<string, unknown>[];
  stdout: string;
  stderr: string;
  milliseconds: number;
}

export type Interruption =
  | SignalPlan
  /** From outside, after a time. */
  | { afterMilliseconds: number; signal: NodeJS.Signals };

/** Runs the real command in a process of its own, with --json. */
export async function snapbankProcess(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
  interruption?: Interruption,
): Promise<Ended> {
  const planned = interruption !== undefined && 'moment' in interruption;
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [...(planned ? ['--import', preload] : []), launcher, ...argv, '--json'],
    {
      cwd,
      env: {
        PATH: process.env['PATH'],
        ...env,
        ...(planned ? { SNAPBANK_TEST_SIGNAL_AT: JSON.stringify(interruption) } : {}),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MILLISECONDS,
      killSignal: 'SIGABRT',
    },
  );
  const closed = once(child, 'close');
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  if (interruption !== undefined && !planned) {
    const over = new AbortController();
    void closed.finally(() => over.abort());
    await delay(interruption.afterMilliseconds, undefined, { signal: over.signal }).then(
      () => child.kill(interruption.signal),
      () => undefined,
    );
  }
  const [exitCode, signal] = (await closed) as [number | null, NodeJS.Signals | null];
  const [stdout, stderr] = await outputs;
  if (signal === 'SIGABRT') {
    throw new Error(`snapbank ${argv.join(' ')} did not end in time: ${stdout}${stderr}`);
  }
  return {
    exitCode,
    signal,
    events: stdout.split('\n').flatMap(eventIn),
    stdout,
    stderr,
    milliseconds: performance.now() - startedAt,
  };
}

function eventIn(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
