import { randomBytes } from 'node:crypto';
import type { RequestFault } from '../../local/demo-cloud/faults.ts';
import { faultyStore, type FaultPlan, seededFaults } from '../lib/bank/store/faulty-store.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { diskInBank } from './disk-in-bank.ts';
import { expectEqual, outcomeName } from './outcomes.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const REQUEST_FAULTS: readonly RequestFault[] = [
  { kind: 'reset' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429, retryAfterSeconds: 7 },
  { kind: 'status', status: 401 },
  { kind: 'lost-answer' },
  { kind: 'lost-answer', status: 504 },
  { kind: 'cut', afterBytes: 50 },
  { kind: 'cut', afterBytes: 100_000 },
  { kind: 'delay', ms: 3000 },
  { kind: 'content-length', differBy: 10 },
];
const DAY_MILLISECONDS = 24 * 3600 * 1000;
const RATES = [0.01, 0.03, 0.1, 0.25];

export interface SeededRun {
  requestFaults: number;
  storeFaults: number;
  /** `SUCCEEDED` or the error's name, of the backup and of the restore. */
  backup: string;
  restore: string;
}

/**
 * A backup and a restore while requests to the cloud and calls of all three places fail at random. Each must give identical data, or an
 * error by its name; and what is left must be gone after a backup without faults. Throws what does not hold.
 */
export async function runWithSeed(seed: number): Promise<SeededRun> {
  const rate = RATES[seed % RATES.length] ?? 0;
  let storeFaults = 0;
  let armed = false;
  const drawn = seededFaults(seed, rate);
  const plan: FaultPlan = (call) => {
    const fault = armed ? drawn(call) : undefined;
    if (fault !== undefined) storeFaults += 1;
    return fault;
  };
  const place = (name: string) => faultyStore(memoryStore({ location: `memory:${name}` }), plan);
  const world = await startWorld({
    places: { bank: place('bank'), register: place('register'), work: place('work') },
    cloud: {
      durations: { snapshotMs: 30_000 },
      images: { range: seed % 3 === 0 ? 'refuse-400' : 'yes' },
    },
  });
  const { cloud } = world;
  const inject = (which: number) => {
    cloud.faults.addSeeded(seed * 2 + which, { faults: REQUEST_FAULTS, rate });
    armed = true;
  };
  const calm = () => {
    cloud.faults.clear();
    armed = false;
  };
  try {
    const data = randomBytes(MIB);
    await world.addServer('web', data);
    inject(0);
    const backup = await world.run('backup', {});
    calm();
    if (backup.status === 'SUCCEEDED') await expectData(world, data);
    else await expectNoHarm(world, data);

    inject(1);
    const restore = await world.run('restore', {
      checkpoint: 'web@latest',
      name: 'again',
      check: true,
    });
    calm();
    if (restore.status === 'SUCCEEDED') {
      const { serverId } = restore.output as { serverId: string };
      expectEqual(await cloud.readGuest(serverId, MIB, data.length), data, 'the restored server');
      await cloud.removeServer(serverId);
      const { imageId } = restore.output as { imageId: string };
      await cloud.removeImage(imageId);
    }
    await cleanUp(world);
    const left = await world.leftovers();
    if (left.length > 0) throw new Error(`Left after ${outcomeName(restore)}: ${left.join(', ')}`);
    return {
      requestFaults: cloud.faults.injected,
      storeFaults,
      backup: outcomeName(backup),
      restore: outcomeName(restore),
    };
  } finally {
    await world.close();
  }
}

/** After a failed backup a later one succeeds, whole, and nothing is left. */
async function expectNoHarm(world: World, data: Uint8Array): Promise<void> {
  await cleanUp(world);
  await expectData(world, data);
  const left = await world.leftovers();
  if (left.length > 0) throw new Error(`Left after a failed backup: ${left.join(', ')}`);
}

/** What runs every night anyway, when the leases of what could not even be abandoned have run out. */
async function cleanUp(world: World): Promise<void> {
  await world.clock.advance(DAY_MILLISECONDS);
  await world.backUp();
  await world.run('collect-garbage', { force: true });
  await world.clock.advance(DAY_MILLISECONDS);
  await world.run('collect-garbage', { force: true });
}

async function expectData(world: World, data: Uint8Array): Promise<void> {
  const disk = await diskInBank(world.services, 'web@latest');
  expectEqual(disk.subarray(MIB, MIB + data.length), data, 'the checkpoint');
}
