import { homedir } from 'node:os';
import { join } from 'node:path';
import { bankLocations, openPlaces } from '../lib/bank/open-places.ts';
import { thisProcess } from '../lib/bank/register/process.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { makeServices } from '../lib/make-services.ts';
import { loadCloudConfig } from '../lib/openstack/cloud-config.ts';
import { connectOpenStack } from '../lib/openstack/connect.ts';
import type { OpenStack } from '../lib/openstack/open-stack.ts';
import { historyDirectory } from '../local/engine/history-file.ts';
import type { HistoryStore } from '../local/engine/history.ts';
import type { ProgressEvent, Services } from '../lib/services.ts';
import { debugLog, warningLog } from './log.ts';
import { createOutput, type Output, type OutputStreams } from './output.ts';

/** Options that every command takes; each has a variable in the environment. */
export interface GlobalOptions {
  bank?: string;
  s3Endpoint?: string;
  keyFile?: string;
  osCloud?: string;
  json?: boolean;
  debug?: boolean;
}

/** What a command works with. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts at Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Directory of what is kept of embedded executions. */
  readonly stateDirectory: string;
  readonly history: HistoryStore;
  /** The cloud alone, for what needs no bank. */
  readonly openstack: () => Promise<OpenStack>;
  readonly services: (options?: { progress?: (event: ProgressEvent) => void }) => Promise<Services>;
}

export interface Surroundings extends OutputStreams {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  signal: AbortSignal;
  /** By which executions in AWS are watched; the system's unless given. */
  clock?: Clock;
}

export function commandContext(options: GlobalOptions, surroundings: Surroundings): CommandContext {
  const env = withOptions(surroundings.env, options);
  const output = createOutput(surroundings, options.json ?? false);
  const log =
    options.debug === true ? debugLog(surroundings.stderr) : warningLog(surroundings.stderr);
  const stateDirectory = join(
    env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state'),
    'snapbank',
  );
  const cloudConfig = async () =>
    await loadCloudConfig({ env, cwd: surroundings.cwd, home: env['HOME'] ?? homedir(), log });
  return {
    env,
    output,
    log,
    clock: surroundings.clock ?? systemClock,
    signal: surroundings.signal,
    stateDirectory,
    history: historyDirectory(join(stateDirectory, 'executions')),
    openstack: async () => connectOpenStack(await cloudConfig(), { clock: systemClock, log }),
    async services({ progress } = {}) {
      return makeServices({
        env,
        places: openPlaces(bankLocations(env), { env }),
        cloudConfig,
        log,
        process: await thisProcess(),
        ...(progress === undefined ? {} : { progress }),
      });
    },
  };
}

/** An option on the command line counts more than its variable. */
function withOptions(
  env: Surroundings['env'],
  options: GlobalOptions,
): Readonly<Record<string, string | undefined>> {
  return {
    ...env,
    ...(options.bank === undefined ? {} : { SNAPBANK_BANK: options.bank }),
    ...(options.s3Endpoint === undefined ? {} : { AWS_ENDPOINT_URL_S3: options.s3Endpoint }),
    ...(options.keyFile === undefined ? {} : { SNAPBANK_KEY_FILE: options.keyFile }),
    ...(options.osCloud === undefined ? {} : { OS_CLOUD: options.osCloud }),
  };
}
