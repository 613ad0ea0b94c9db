import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { runCommandLine } from '../../cli/run.ts';
import { createBank } from '../../lib/bank/create-bank.ts';
import { writeKeyFile } from '../../lib/bank/keys/key-file.ts';
import { newSecretKey } from '../../lib/bank/keys/key-text.ts';
import { bankLocations, openPlaces } from '../../lib/bank/open-places.ts';
import { makeServices } from '../../lib/make-services.ts';
import { silentLog } from '../../lib/log.ts';
import { loadCloudConfig } from '../../lib/openstack/cloud-config.ts';
import type { Services } from '../../lib/services.ts';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import type { SignalPlan } from './moments.ts';
import {
  type Ended,
  type Interruption,
  type Running,
  runSnapbank,
  startSnapbank,
} from './snapbank-process.ts';

const MIB = 1024 ** 2;
/** Segments of 4 MiB, so that a small disk has several. */
const CHUNKS_PER_SEGMENT = 16;
export const SEGMENT_BYTES = 4 * MIB;
export const SEGMENTS = 6;

export interface StageOptions {
  /** An S3 server's variables and a bucket; a directory otherwise. */
  s3?: { env: Readonly<Record<string, string>>; bucket: string } | undefined;
  /** The directory of the bank, made by the first write; one below the stage's own unless given. */
  bankDirectory?: string | undefined;
  snapshotFormat: 'raw' | 'qcow2';
  range: 'yes' | 'refuse-400';
  servers: number;
  /** How long Nova and Glance take for everything, in milliseconds. */
  slowness: number;
  next: () => number;
}

/** The `snapbank` command as a process, a demo cloud in this one, and a bank in a directory or on an S3 server. */
export interface Stage {
  readonly directory: string;
  /** Where the bank lies. */
  readonly bank: string;
  readonly cloud: DemoCloud;
  /** Of this process, for looking into the bank. */
  readonly services: Services;
  readonly serverIds: readonly string[];
  /** The image that all servers boot from. */
  readonly imageId: string;
  readonly snapbank: (argv: readonly string[], interruption?: Interruption) => Promise<Ended>;
  /** In a process that goes on; with variables of its own, as on another computer. */
  readonly start: (
    argv: readonly string[],
    options?: { plan?: SignalPlan; env?: Readonly<Record<string, string>> },
  ) => Running;
  /** The same command in this process. */
  readonly run: (
    ...argv: string[]
  ) => Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** The same, for what must succeed. */
  readonly succeed: (...argv: string[]) => Promise<void>;
  /** Users write: some KiB in about every second segment of each server. */
  readonly writeData: () => Promise<void>;
  readonly disk: (serverId: string) => Promise<Buffer>;
  readonly close: () => Promise<void>;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const { snapshotFormat, range, slowness } = options;
  const directory = await mkdtemp(join(tmpdir(), 'snapbank-kill-'));
  const cloud = await startDemoCloud({
    directory,
    snapshotFormat,
    images: { range },
    durations: {
      snapshotMs: slowness,
      importMs: slowness,
      buildMs: slowness,
      deleteMs: slowness / 4,
    },
  });
  try {
    return await furnish(options, cloud, directory);
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

async function furnish(
  { s3, bankDirectory, servers, next }: StageOptions,
  cloud: DemoCloud,
  directory: string,
): Promise<Stage> {
  const bank =
    s3 === undefined
      ? (bankDirectory ?? join(directory, 'bank'))
      : `s3://${s3.bucket}/kill-${randomUUID()}`;
  const env = {
    ...s3?.env,
    HOME: directory,
    ...cloud.environment,
    SNAPBANK_BANK: bank,
    SNAPBANK_KEY_FILE: join(directory, 'key'),
    SNAPBANK_RANGES_AT_ONCE: '2',
    SNAPBANK_PARTS_AT_ONCE: '2',
  };
  const places = openPlaces(bankLocations(env), { env });
  const key = newSecretKey();
  await writeKeyFile(env.SNAPBANK_KEY_FILE, key);
  await createBank(places, {
    access: [{ label: 'test', role: 'reader', publicKey: key.publicKey }],
    chunksPerSegment: CHUNKS_PER_SEGMENT,
  });
  const services = makeServices({
    env,
    places,
    cloudConfig: async () => await loadCloudConfig({ env, cwd: directory, home: directory }),
    log: silentLog,
  });
  const flavorId = cloud.addFlavor({ name: 'test', vcpus: 1, ramMib: 64, diskGib: 0 });
  const imageId = await cloud.addImage({
    name: 'base',
    content: randomish(SEGMENTS * SEGMENT_BYTES, next),
    diskFormat: 'raw',
  });
  const serverIds: string[] = [];
  for (let number = 1; number <= servers; number += 1) {
    serverIds.push(await cloud.addServer({ name: `web-${String(number)}`, imageId, flavorId }));
  }
  const disk = async (serverId: string) =>
    Buffer.from(await cloud.readGuest(serverId, 0, await cloud.guestSizeBytes(serverId)));
  const run: Stage['run'] = async (...argv) => {
    const stdout: string[] = [];
    const stderr: string[] = [];
    const exitCode = await runCommandLine(argv, {
      env,
      cwd: directory,
      stdout: collector(stdout),
      stderr: collector(stderr),
      onStopRequest: () => {},
    });
    return { exitCode, stdout: stdout.join(''), stderr: stderr.join('') };
  };
  return {
    directory,
    bank,
    cloud,
    services,
    serverIds,
    imageId,
    disk,
    snapbank: async (argv, interruption) =>
      await runSnapbank({ argv, env, cwd: directory }, interruption),
    start: (argv, { plan, env: own } = {}) =>
      startSnapbank({ argv, env: { ...env, ...own }, cwd: directory, plan }),
    run,
    async succeed(...argv) {
      const { exitCode, stderr } = await run(...argv);
      if (exitCode !== 0) throw new Error(`snapbank ${argv.join(' ')}: ${stderr}`);
    },
    async writeData() {
      for (const id of serverIds) {
        for (let segment = 0; segment < SEGMENTS; segment += 1) {
          if (next() < 0.4) continue;
          const offset = segment * SEGMENT_BYTES + Math.floor(next() * (SEGMENT_BYTES - 65_536));
          await cloud.writeGuest(id, offset, randomBytesOf(65_536, next));
        }
      }
    },
    async close() {
      (await services.openstack()).close();
      await cloud.close();
      if (s3 !== undefined) await empty(places.bank);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function collector(to: string[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      to.push(chunk.toString());
      done();
    },
  });
}

/** Every second MiB holds bytes that do not compress; between them are holes. */
function randomish(sizeBytes: number, next: () => number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let offset = 0; offset < sizeBytes; offset += 2 * MIB) {
    bytes.set(randomBytesOf(MIB, next), offset);
  }
  return bytes;
}

function randomBytesOf(length: number, next: () => number): Buffer {
  const words = new Uint32Array(length / 4);
  for (let index = 0; index < words.length; index += 1) words[index] = next() * 2 ** 32;
  return Buffer.from(words.buffer);
}

async function empty(bank: Services['places']['bank']): Promise<void> {
  for await (const upload of bank.listUploads('')) await bank.abortUpload(upload);
  let keys: string[] = [];
  for await (const { key } of bank.list('')) keys.push(key);
  while (keys.length > 0) {
    await bank.delete(keys.slice(0, 1000));
    keys = keys.slice(1000);
  }
}
