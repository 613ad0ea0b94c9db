import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Lab } from './lab.ts';

const launcher = resolve(import.meta.dirname, '../../cli/snapbank.cjs');
const longestRunMilliseconds = 5 * 60_000;

/** One line of a command's `--json` output. */
export interface CommandEvent {
  type: string;
  [field: string]: unknown;
}

/** What a run of the command did. */
export interface Run<Summary> {
  exitCode: number | null;
  events: CommandEvent[];
  /** The last event. */
  summary: Summary;
  stderr: string;
  seconds: number;
}

export interface BackedUpServer {
  id: string;
  name: string | null;
  /** This and the figures are null where there is no checkpoint. */
  checkpoint: string | null;
  status: 'succeeded' | 'failed';
  diskBytes: number | null;
  readBytes: number | null;
  newBytes: number | null;
  storedBytes: number | null;
  consistency: string | null;
  imageKind: 'snapshot' | 'boot-image' | null;
  notCovered: number | null;
  error: { name: string; message: string } | null;
}

export interface BackupSummary {
  servers: BackedUpServer[];
}

export interface RestoreSummary {
  imageId: string | null;
  serverId: string | null;
  volumes: { disk: number; volumeId: string; device: string | null }[];
  bytes: number;
  identical: boolean | null;
  notRestored: unknown[];
}

/** A running command: it can be sent signals before its end. */
export interface Running<Summary> {
  kill(signal: NodeJS.Signals): void;
  ended: Promise<Run<Summary>>;
}

/** The `snapbank` command as a user has it: in a directory of its own, with the lab's credentials, a bank and a key. */
export class Snapbank {
  readonly directory: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.#env = env;
  }

  /** With a new, sealed bank: in a directory, or where `bank` says. */
  static async withNewBank(
    lab: Lab,
    { bank, env = {} }: { bank?: string; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Snapbank> {
    const directory = await mkdtemp(join(tmpdir(), 'snapbank-e2e-'));
    const snapbank = new Snapbank(directory, {
      ...lab.env,
      ...env,
      SNAPBANK_BANK: bank ?? join(directory, 'bank'),
      SNAPBANK_KEY_FILE: join(directory, 'bank.key'),
    });
    await snapbank.run(['bank', 'init']);
    return snapbank;
  }

  /** Runs a command to its end; throws when its exit code is not the expected one. */
  async run<Summary>(args: readonly string[], options: RunOptions = {}): Promise<Run<Summary>> {
    const run = await this.start<Summary>(args, options).ended;
    const expected = options.exitCode ?? 0;
    if (run.exitCode !== expected) {
      const events = run.events.map((event) => JSON.stringify(event)).join('\n');
      throw new Error(
        `snapbank ${args.join(' ')}: exit code ${run.exitCode}, not ${expected}\n${events}\n${run.stderr}`,
      );
    }
    return run;
  }

  start<Summary>(args: readonly string[], { env = {} }: RunOptions = {}): Running<Summary> {
    const child = spawn(process.execPath, [launcher, ...args, '--json'], {
      cwd: this.directory,
      env: { PATH: process.env['PATH'], HOME: this.directory, ...this.#env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longestRunMilliseconds,
      killSignal: 'SIGKILL',
    });
    const startedAt = performance.now();
    const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
      ([[exitCode], stdout, stderr]: [unknown[], string, string]) => {
        const lines = stdout.split('\n').filter((line) => line !== '');
        const events = lines.map((line) => JSON.parse(line) as CommandEvent);
        return {
          exitCode: exitCode as number | null,
          events,
          summary: events.at(-1) as Summary,
          stderr,
          seconds: (performance.now() - startedAt) / 1000,
        };
      },
    );
    return { kill: (signal) => child.kill(signal), ended };
  }

  async backup(args: readonly string[], options?: RunOptions): Promise<Run<BackupSummary>> {
    return await this.run<BackupSummary>(['backup', ...args], options);
  }

  async restore(
    checkpoint: string,
    args: readonly string[] = [],
    options?: RunOptions,
  ): Promise<Run<RestoreSummary>> {
    return await this.run<RestoreSummary>(['restore', checkpoint, ...args], options);
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

interface RunOptions {
  /** Default 0. */
  exitCode?: number;
  /** Undefined takes a variable away. */
  env?: Readonly<Record<string, string | undefined>>;
}
