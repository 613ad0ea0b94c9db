import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bankLocations, openPlaces } from '../../../lib/bank/open-places.ts';
import { openStore } from '../../../lib/bank/store/location.ts';
import type { Clock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import { makeServices } from '../../../lib/make-services.ts';
import { loadCloudConfig } from '../../../lib/openstack/cloud-config.ts';
import type { DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../../local/demo-cloud/start-demo-cloud.ts';
import { type Collected, runCollected } from '../run-collected.ts';
import { type S3Server, startS3Server } from '../../s3-server/s3-server.ts';
import {
  startStepFunctions,
  type StepFunctionsServer,
} from '../../step-functions-server/step-functions-server.ts';

export const MIB = 1024 ** 2;
const BUCKET = 'bank';

export interface RunningCommand {
  /** As Ctrl-C does. */
  interrupt(): void;
  ended: Promise<Collected>;
}

/** A demo cloud, a stack in AWS with its bank in S3, and a computer on which the command runs. */
export interface Stage {
  cloud: DemoCloud;
  s3: S3Server;
  aws: StepFunctionsServer;
  /** Home of whoever types the commands. */
  home: string;
  /** Variables of that computer: of AWS alone, as for somebody who has neither the cloud's credentials nor the bank's key. */
  env: Record<string, string | undefined>;
  /** Variables with which the embedded engine uses the cloud and a bank of its own, in a directory. */
  embeddedEnv: Record<string, string | undefined>;
  /** Its data lies at 1 MiB of its disk. */
  addServer(name: string, data?: Buffer): Promise<string>;
  /** Words with spaces between them. */
  start(words: string, env?: Record<string, string | undefined>): RunningCommand;
  run(words: string, env?: Record<string, string | undefined>): Promise<Collected>;
  close(): Promise<void>;
}

export async function startStage(): Promise<Stage> {
  const home = await mkdtemp(join(tmpdir(), 'snapbank-aws-'));
  const [cloud, s3] = await Promise.all([startDemoCloud(), startS3Server()]);
  const flavorId = cloud.addFlavor({ name: 'm1', vcpus: 1, ramMib: 64, diskGib: 0 });
  const credentials = {
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    AWS_REGION: 'eu-central-1',
  };
  // The SDK's own chain looks there, as on any computer.
  Object.assign(process.env, credentials);
  const deployed = {
    ...cloud.environment,
    AWS_ENDPOINT_URL_S3: s3.url,
    SNAPBANK_BANK: `s3://${BUCKET}/data`,
    SNAPBANK_REGISTER: `s3://${BUCKET}/register`,
    SNAPBANK_WORK: `s3://${BUCKET}/work`,
    SNAPBANK_WORK_PREFIX: 'work/',
    SNAPBANK_KEY_FILE: join(home, 'key'),
  };
  const aws = await startStepFunctions({
    accessKeyId: s3.credentials.accessKeyId,
    services: makeServices({
      env: deployed,
      places: openPlaces(bankLocations(deployed), { env: deployed }),
      cloudConfig: async () => await loadCloudConfig({ env: deployed, cwd: home, home }),
      log: silentLog,
    }),
    work: {
      bucket: BUCKET,
      prefix: 'work/',
      store: openStore(`s3://${BUCKET}`, { env: deployed }),
    },
  });
  const stage: Stage = {
    cloud,
    s3,
    aws,
    home,
    env: { HOME: home, AWS_ENDPOINT_URL_S3: s3.url, AWS_ENDPOINT_URL_SFN: aws.url },
    embeddedEnv: {
      HOME: home,
      ...cloud.environment,
      SNAPBANK_BANK: join(home, 'bank'),
      SNAPBANK_KEY_FILE: join(home, 'other-key'),
    },
    async addServer(name, data = randomBytes(MIB)) {
      // Of an image of its own: none waits for another, and what is shown depends on no server's speed.
      const content = Buffer.alloc(8 * MIB, 'x');
      const imageId = await cloud.addImage({ name: `base of ${name}`, content, diskFormat: 'raw' });
      const id = await cloud.addServer({ name, imageId, flavorId });
      await cloud.writeGuest(id, MIB, data);
      return id;
    },
    start: (words, env = stage.env) =>
      start(words.trim().split(/ +/), { env, home, clock: eventful(aws) }),
    run: async (words, env) => await stage.start(words, env).ended,
    async close() {
      await aws.close();
      await Promise.all([s3.close(), cloud.close()]);
      for (const name of Object.keys(credentials)) delete process.env[name];
      await rm(home, { recursive: true, force: true });
    },
  };
  await stage.run('bank init', { HOME: home, ...deployed });
  await stage.run('bank init', stage.embeddedEnv);
  return stage;
}

/** A clock of which every pause ends with the next thing that happens in an execution: nothing sleeps. */
function eventful(aws: StepFunctionsServer): Clock {
  return {
    now: () => Date.now(),
    async sleep(_milliseconds, signal) {
      signal?.throwIfAborted();
      const { promise, reject } = Promise.withResolvers<void>();
      const abort = () => reject(signal?.reason as Error);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        await Promise.race([aws.change(), promise]);
        await new Promise((resolve) => setImmediate(resolve));
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    },
  };
}

function start(
  argv: readonly string[],
  surroundings: { env: Record<string, string | undefined>; home: string; clock: Clock },
): RunningCommand {
  const { env, home, clock } = surroundings;
  const stopRequests: (() => void)[] = [];
  const ended = runCollected(argv, {
    env,
    cwd: home,
    clock,
    onStopRequest: (listener) => {
      stopRequests.push(listener);
    },
  });
  return {
    interrupt() {
      for (const listener of stopRequests) listener();
    },
    ended,
  };
}
