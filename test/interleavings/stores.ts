// Before anything of lib/ is loaded.
// oxlint-disable-next-line import/no-unassigned-import
import './seeded-process.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { directoryStore } from '../../lib/bank/store/directory.ts';
import { type S3ClientOptions, s3Client } from '../../lib/bank/store/s3-client.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { memoryPlaces } from '../lib/bank/a-bank.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { makeBucket, removeBucket } from '../s3-lab/buckets.ts';
import { startS3Server } from '../s3-server/s3-server.ts';
import type { Scheduler } from './scheduler.ts';

/** Where the banks of seeds lie. `embedded` is the S3 server of the tests, `s3` the real one of the lab. */
export const STORES = ['memory', 'directory', 'embedded', 's3'] as const;
export type StoreName = (typeof STORES)[number];

export interface Stores {
  /** How long a bank lives there: where a step takes longer, more seeds are worth more than long ones. */
  readonly steps: number;
  /** New and empty places. */
  open(seed: number, scheduler: Scheduler): Promise<BankPlaces>;
  /** Removes what the places hold. */
  clear(seed: number): Promise<void>;
  close(): Promise<void>;
}

/** Share of the requests to the embedded server that fail beneath the store, which sends them again. */
const REQUEST_FAULT_RATE = 0.01;

export async function openStores(name: StoreName): Promise<Stores> {
  if (name === 'memory') return memory;
  if (name === 'directory') return await directories();
  return name === 'embedded' ? await embeddedServer() : await lab();
}

const memory: Stores = {
  steps: 1000,
  open: async () => memoryPlaces(),
  clear: async () => {},
  close: async () => {},
};

async function directories(): Promise<Stores> {
  const root = await mkdtemp(join(tmpdir(), 'snapbank-interleavings-'));
  const folder = (seed: number) => join(root, String(seed));
  return {
    steps: 500,
    open: async (seed, { clock }) => {
      const store = (place: string) => directoryStore(join(folder(seed), place), { clock });
      return { bank: store('bank'), register: store('register'), work: store('work') };
    },
    clear: async (seed) => {
      await rm(folder(seed), { recursive: true, force: true });
    },
    close: async () => {
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function embeddedServer(): Promise<Stores> {
  const server = await startS3Server();
  const { credentials, url, bucket } = server;
  const client = { credentials, env: {}, endpoint: url };
  return {
    steps: 300,
    open: async (seed, scheduler) => {
      server.faultFor = () =>
        scheduler.fault(REQUEST_FAULT_RATE, [
          { kind: 'answer', effect: true, status: 500, code: 'InternalError' },
          { kind: 'answer', effect: false, status: 503, code: 'SlowDown' },
          { kind: 'cut', effect: true },
          { kind: 'cut', effect: false },
        ]);
      return s3Places(client, 'bank', seed, scheduler);
    },
    clear: async () => {
      bucket.objects.clear();
      server.requests.length = 0;
    },
    close: async () => {
      await server.close();
    },
  };
}

async function lab(): Promise<Stores> {
  const bucket = await makeBucket();
  const direct = s3Store({ client: s3Client(), bucket });
  return {
    steps: 300,
    open: async (seed, scheduler) => s3Places({}, bucket, seed, scheduler),
    clear: async (seed) => {
      await direct.delete(await keysOf(direct, `seed-${seed}/`));
    },
    close: async () => {
      await removeBucket(bucket);
    },
  };
}

function s3Places(
  options: S3ClientOptions,
  bucket: string,
  seed: number,
  scheduler: Scheduler,
): BankPlaces {
  const client = s3Client(options);
  // A request that is sent again belongs to the step of the first one.
  const clock = {
    now: () => scheduler.clock.now(),
    // How long is another chance than the seed's.
    sleep: async () => {
      scheduler.pass(250);
    },
  };
  const store = (place: string) =>
    s3Store({ client, bucket, prefix: `seed-${seed}/${place}`, clock });
  return { bank: store('bank'), register: store('register'), work: store('work') };
}
