import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
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

/** The real command under way in a process of its own. */
export interface Running {
  kill(signal: NodeJS.Signals): void;
  /** Resolves when what it has written so far contains the text; at its end at the latest. */
  waitFor(text: string, stream?: 'stdout' | 'stderr'): Promise<void>;
  ended: Promise<Ended>;
}

export interface Start {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  plan?: SignalPlan | undefined;
}

/** Starts the command, with --json. */
export function startSnapbank({ argv, env, cwd, plan }: Start): Running {
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [...(plan === undefined ? [] : ['--import', preload]), launcher, ...argv, '--json'],
    {
      cwd,
      env: {
        PATH: process.env['PATH'],
        ...env,
        ...(plan === undefined ? {} : { SNAPBANK_TEST_SIGNAL_AT: JSON.stringify(plan) }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MILLISECONDS,
      killSignal: 'SIGABRT',
    },
  );
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
    });
  }
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    kill: (signal) => child.kill(signal),
    async waitFor(text, stream = 'stdout') {
      while (!written[stream].includes(text) && child.exitCode === null) {
        await Promise.race([once(child[stream], 'data'), closed]);
      }
    },
    ended: closed.then(([exitCode, signal]) => {
      const { stdout, stderr } = written;
      if (signal === 'SIGABRT') {
        throw new Error(`snapbank ${argv.join(' ')} did not end in time: ${stdout}${stderr}`);
      }
      const events = stdout.split('\n').flatMap(eventIn);
      const milliseconds = performance.now() - startedAt;
      return { exitCode, signal, events, stdout, stderr, milliseconds };
    }),
  };
}

/** Runs the command to its end, or to the interruption. */
export async function runSnapbank(start: Start, interruption?: Interruption): Promise<Ended> {
  if (interruption === undefined) return await startSnapbank(start).ended;
  if ('moment' in interruption) return await startSnapbank({ ...start, plan: interruption }).ended;
  const running = startSnapbank(start);
  const over = new AbortController();
  const { afterMilliseconds, signal } = interruption;
  void delay(afterMilliseconds, undefined, { signal: over.signal }).then(
    () => running.kill(signal),
    () => undefined,
  );
  return await running.ended.finally(() => over.abort());
}

function eventIn(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}
