import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import {
  fileNameOf,
  type Machine,
  readDefinition,
  WORKER_STATE_SECONDS,
} from '../../infra/definitions.ts';
import { NO_CONTAINERS } from '../../infra/no-containers.ts';
import { createBank } from '../../lib/bank/create-bank.ts';
import { formatSecretKey, newSecretKey } from '../../lib/bank/keys/key-text.ts';
import { openPlaces } from '../../lib/bank/open-places.ts';
import { openStore } from '../../lib/bank/store/location.ts';
import { systemClock } from '../../lib/clock.ts';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import type { ExecutionOutcome, LocalFunction } from '../../local/engine/execution-options.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import type { Json } from '../../local/engine/json.ts';
import { parseDefinition } from '../../local/engine/parse-definition.ts';
import { runExecution } from '../../local/engine/run-execution.ts';
import { localServer } from '../lib/http/local-server.ts';
import { MemoryHistories } from '../local/engine/harness.ts';
import { startS3Server } from '../s3-server/s3-server.ts';

const MIB = 1024 ** 2;
const BUCKET = 'bank';

/** The functions of a definition as their bundles export them; what goes in and comes out is JSON, as with Lambda. */
async function bundledFunctions(directory: string, names: readonly string[]) {
  const table: Record<string, LocalFunction> = {};
  for (const name of names) {
    const file = join(directory, fileNameOf(name), 'index.mjs');
    const { handler } = (await import(pathToFileURL(file).href)) as { handler: LocalFunction };
    table[name] = async (payload, context) => {
      const answer = await handler(JSON.parse(JSON.stringify(payload)) as Json, context);
      return JSON.parse(JSON.stringify(answer ?? null)) as Json;
    };
  }
  return table;
}

interface Override {
  readonly Command: readonly string[];
}

interface Deployed {
  /** Bundles of the functions. */
  readonly directory: string;
  /** Where the image of the containers is built from, in a stack that has them. */
  readonly containerDirectory?: string | undefined;
  readonly env: Record<string, string>;
  /** What ECS puts into a container's environment. */
  readonly containerSecrets: Record<string, string>;
}

/** Does without docker what the Dockerfile says: its files in a folder of their own, and its entry point. */
async function runContainer(
  { containerDirectory = '', env, containerSecrets }: Deployed,
  command: readonly string[],
): Promise<void> {
  const dockerfile = await readFile(join(containerDirectory, 'Dockerfile'), 'utf8');
  const [, workdir = ''] = /^WORKDIR (.+)$/m.exec(dockerfile) ?? [];
  const [, entryPoint = '[]'] = /^ENTRYPOINT (.+)$/m.exec(dockerfile) ?? [];
  const [node, ...words] = JSON.parse(entryPoint) as string[];
  if (node !== 'node') throw new Error(`The entry point is ${String(node)}, not node.`);
  const here = words.map((word) => word.replace(workdir, containerDirectory));
  await promisify(execFile)(process.execPath, [...here, ...command], {
    cwd: containerDirectory,
    env: { ...env, ...containerSecrets },
  });
}

/** Runs a definition with what a stack puts in place of its placeholders, as far as this machine has it. */
async function runMachine(
  deployed: Deployed,
  machine: Machine,
  input: Json,
  onEvent: (event: HistoryEvent) => void,
): Promise<ExecutionOutcome> {
  const { directory, containerDirectory, env } = deployed;
  const { file, functions } = readDefinition(machine);
  const definition = parseDefinition(await readFile(file, 'utf8'), {
    ...Object.fromEntries(functions.map((name) => [`${name}FunctionArn`, name])),
    ...NO_CONTAINERS,
    ...(containerDirectory === undefined ? {} : { LongPasses: 'container' }),
    WorkBucket: BUCKET,
    WorkPrefix: 'work/',
    EventBusName: 'default',
    WorkerTimeoutSeconds: String(WORKER_STATE_SECONDS),
  });
  return await runExecution({
    definition,
    stateMachineName: `snapbank-${machine}`,
    name: `${machine}-1`,
    input,
    history: new MemoryHistories(),
    clock: systemClock,
    invoke: await bundledFunctions(directory, functions),
    objects: { [BUCKET]: openStore(`s3://${BUCKET}`, { env }) },
    runTask: async (parameters) => {
      const { Overrides } = parameters as unknown as {
        Overrides: { ContainerOverrides: [Override] };
      };
      await runContainer(deployed, Overrides.ContainerOverrides[0].Command);
      return {};
    },
    onEvent,
    putEvents: async () => {},
  });
}

/** Answers as the Parameters and Secrets extension. */
async function startExtension(secrets: Record<string, string>) {
  return await localServer((request, response) => {
    const id = new URL(request.url ?? '', 'http://localhost').searchParams.get('secretId') ?? '';
    response.writeHead(id in secrets ? 200 : 400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ SecretString: secrets[id] }));
  });
}

function secretOf(cloud: DemoCloud): string {
  return JSON.stringify({
    auth_type: 'v3applicationcredential',
    auth: {
      auth_url: cloud.authUrl,
      application_credential_id: cloud.applicationCredential.id,
      application_credential_secret: cloud.applicationCredential.secret,
    },
    region_name: cloud.regionName,
  });
}

/**
 * Backs up a server of the demo cloud into a sealed bank on an S3 server, loses it and brings it back through an URL that Glance
 * fetches, or, where containers are named, in one pass each: the deployed definitions, the deployed bundles, secrets from the extension.
 */
async function runBundledMachines(directory: string, containerDirectory?: string) {
  const inContainers = containerDirectory !== undefined;
  const cloud = await startDemoCloud(inContainers ? { images: { range: 'refuse-400' } } : {});
  const s3 = await startS3Server();
  const key = newSecretKey();
  const extension = await startExtension({ cloud: secretOf(cloud), key: formatSecretKey(key) });
  const env = {
    SNAPBANK_BANK: `s3://${BUCKET}/data`,
    SNAPBANK_REGISTER: `s3://${BUCKET}/register`,
    SNAPBANK_WORK: `s3://${BUCKET}/work`,
    SNAPBANK_WORK_PREFIX: 'work/',
    SNAPBANK_CLOUD_SECRET: 'cloud',
    SNAPBANK_KEY_SECRET: 'key',
    SNAPBANK_IMAGE_IMPORT: inContainers ? 'stream' : 'web-download',
    ...(inContainers ? { SNAPBANK_FUNCTION_PASS_BYTES: String(MIB) } : {}),
    PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port),
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    AWS_REGION: 'us-east-1',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
  };
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    const locations = {
      bank: env.SNAPBANK_BANK,
      register: env.SNAPBANK_REGISTER,
      work: env.SNAPBANK_WORK,
    };
    await createBank(openPlaces(locations, { env }), {
      access: [{ label: 'functions', role: 'reader', publicKey: key.publicKey }],
      chunksPerSegment: 16,
    });
    const data = randomBytes(2 * MIB);
    const serverId = await addServer(cloud, data);
    const deployed = {
      directory,
      containerDirectory,
      env,
      containerSecrets: { SNAPBANK_CLOUD: secretOf(cloud), SNAPBANK_KEY: formatSecretKey(key) },
    };
    const containerStates: string[] = [];
    const onEvent = (event: HistoryEvent) => {
      if (!('stateEnteredEventDetails' in event)) return;
      const { name } = event.stateEnteredEventDetails;
      if (name.endsWith('InContainer')) containerStates.push(name);
    };
    const backup = await runMachine(deployed, 'backup', { servers: ['web-1'] }, onEvent);
    await cloud.removeServer(serverId);
    const request = { checkpoint: 'web-1@latest', check: true };
    const restore = await runMachine(deployed, 'restore', request, onEvent);
    const made = restore.output as { serverId: string; identical: boolean } | undefined;
    const read = made && (await cloud.readGuest(made.serverId, MIB, data.length));
    return {
      backup: backup.status,
      restore: restore.status,
      containerStates,
      identical: made?.identical,
      sameData: read !== undefined && Buffer.compare(read, data) === 0,
    };
  } finally {
    process.env = before;
    await Promise.all([extension.close(), s3.close(), cloud.close()]);
  }
}

async function addServer(cloud: DemoCloud, data: Buffer): Promise<string> {
  const flavorId = cloud.addFlavor({ name: 'test', vcpus: 1, ramMib: 64, diskGib: 0 });
  const imageId = await cloud.addImage({
    name: 'base',
    content: Buffer.alloc(16 * MIB, 'os'),
    diskFormat: 'raw',
  });
  const serverId = await cloud.addServer({ name: 'web-1', imageId, flavorId });
  await cloud.writeGuest(serverId, MIB, data);
  return serverId;
}

const [directory = '', containerDirectory] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await runBundledMachines(directory, containerDirectory)));
