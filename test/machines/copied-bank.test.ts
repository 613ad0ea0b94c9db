import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { adoptBank } from '../../lib/bank/adopt.ts';
import { BankIsCopy } from '../../lib/bank/errors.ts';
import { openBank } from '../../lib/bank/open-bank.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import { directoryStore } from '../../lib/bank/store/directory.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { systemClock } from '../../lib/clock.ts';
import { InvalidInput } from '../../lib/errors.ts';
import { silentLog } from '../../lib/log.ts';
import type { Services } from '../../lib/services.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { type S3Server, startS3Server } from '../s3-server/s3-server.ts';
import { diskInBank } from './disk-in-bank.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const CREDENTIALS = { passphrase: 'only for tests' };
const TODAY = Date.now();
/** Two whole machines on an S3 server, whatever else the computer does. */
const LONG_MILLISECONDS = 120_000;

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(async () => {
  await s3.close();
});

let world: World;
let directory: string;
let count = 0;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapbank-copies-'));
});
afterEach(async () => {
  await world.close();
  await rm(directory, { recursive: true, force: true });
});

/** Empty places, those of one call in one bucket or directory. */
function placesIn(kind: 'directory' | 's3'): BankPlaces {
  count += 1;
  const name = String(count);
  const place = (which: string): ObjectStore =>
    kind === 'directory'
      ? directoryStore(join(directory, name, which), { clock: systemClock })
      : s3Store({
          client: s3Client({ endpoint: s3.url, credentials: s3.credentials, env: {} }),
          bucket: 'bank',
          prefix: `${name}/${which}`,
          clock: systemClock,
          log: silentLog,
        });
  return { bank: place('bank'), register: place('register'), work: place('work') };
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}

/** As any tool that copies objects. */
async function copyObjects(from: ObjectStore, to: ObjectStore): Promise<void> {
  for (const key of await keysOf(from)) await to.put(key, await from.get(key));
}

async function copyPlaces(from: BankPlaces, to: BankPlaces): Promise<void> {
  await copyObjects(from.bank, to.bank);
  await copyObjects(from.register, to.register);
}

async function servicesAt(places: BankPlaces): Promise<Services> {
  const bank = await openBank(places, CREDENTIALS);
  const { clock } = world.services;
  const { places: opened, keys } = bank;
  const register = registerOn({ store: opened.register, nameKey: keys.nameKey, clock });
  return { ...world.services, places, bank: async () => bank, register: async () => register };
}

async function adopt(places: BankPlaces, moved = false): Promise<boolean> {
  return await adoptBank(places, await openBank(places, CREDENTIALS), {
    moved,
    clock: world.services.clock,
  });
}

const KINDS = ['directory', 's3'] as const;

describe('a bank that is copied', () => {
  const pairs = KINDS.map((kind) => [kind, KINDS.find((other) => other !== kind) ?? kind] as const);

  it.each(pairs)(
    'from %s to %s is read, verified and restored byte for byte, and not written',
    async (from, to) => {
      const original = placesIn(from);
      world = await startWorld({ places: original, startMilliseconds: TODAY });
      const server = await world.addServer('web', randomBytes(2 * MIB));
      const [checkpoint = ''] = (await world.backUp()).values();
      const disk = await diskInBank(world.services, checkpoint);
      const copy = placesIn(to);
      await copyPlaces(original, copy);
      const services = await servicesAt(copy);
      const before = [await keysOf(copy.bank), await keysOf(copy.register)];

      expect((await diskInBank(services, checkpoint)).equals(disk)).toBe(true);
      const verified = await world.run('verify', { checkpoints: [checkpoint] }, { services });
      expect(verified).toMatchObject({ status: 'SUCCEEDED', output: { sound: 1 } });
      const request = { checkpoint, name: 'again', check: true };
      const restored = await world.run('restore', request, { services });
      expect(restored).toMatchObject({ status: 'SUCCEEDED', output: { identical: true } });
      const { serverId } = restored.output as { serverId: string };
      const guest = await world.cloud.readGuest(serverId, 0, disk.length);
      expect(Buffer.compare(guest, disk)).toBe(0);

      const refused = await world.run('backup', { servers: [server] }, { services });
      expect(JSON.parse(refused.cause ?? '')).toMatchObject({
        failures: [{ error: 'BankIsCopy' }],
      });
      const collected = await world.run('collect-garbage', {}, { services });
      expect(collected).toMatchObject({ status: 'FAILED', error: 'BankIsCopy' });
      expect([await keysOf(copy.bank), await keysOf(copy.register)]).toEqual(before);
    },
    LONG_MILLISECONDS,
  );

  it.each(pairs)(
    'from %s to %s goes on as a bank of its own once it is adopted',
    async (from, to) => {
      const original = placesIn(from);
      world = await startWorld({ places: original, startMilliseconds: TODAY });
      const server = await world.addServer('web', randomBytes(2 * MIB));
      const [first = ''] = (await world.backUp()).values();
      const copy = placesIn(to);
      await copyPlaces(original, copy);

      expect(await adopt(copy)).toBe(true);
      expect(await adopt(copy)).toBe(false);

      const services = await servicesAt(copy);
      await world.cloud.writeGuest(server, 8 * MIB, randomBytes(MIB));
      const begun = { servers: [server] };
      expect(await world.run('backup', begun, { services })).toMatchObject({ status: 'SUCCEEDED' });
      const [own, another] = [await services.bank(), await world.services.bank()];
      expect(own.info.homeId).not.toBe(another.info.homeId);
      expect(own.info.bankId).toBe(another.info.bankId);
      // Both go on, each by itself, and each collects only what is its own.
      await world.cloud.writeGuest(server, 9 * MIB, randomBytes(MIB));
      await world.backUp(begun);
      for (const each of [services, world.services]) {
        const collected = await world.run('collect-garbage', {}, { services: each });
        expect(collected).toMatchObject({ status: 'SUCCEEDED' });
        const verified = await world.run('verify', {}, { services: each });
        expect(verified).toMatchObject({ status: 'SUCCEEDED', output: { sound: 2, damaged: 0 } });
        expect(await diskInBank(each, first)).toHaveLength(16 * MIB);
      }
    },
    LONG_MILLISECONDS,
  );
});

const place = (name: string) => memoryStore({ location: `memory:${name}` });

describe('half a copy', () => {
  let original: BankPlaces;
  let checkpoint: string;
  let server: string;
  beforeEach(async () => {
    world = await startWorld();
    original = world.places;
    server = await world.addServer('web', randomBytes(MIB));
    checkpoint = (await world.backUp()).get(server) ?? '';
  });

  it('that shares the register of the original is not written, nor adopted', async () => {
    const copy = { ...original, bank: place('copy') };
    await copyObjects(original.bank, copy.bank);

    const services = await servicesAt(copy);
    expect(await diskInBank(services, checkpoint)).toHaveLength(16 * MIB);
    expect(await world.run('backup', {}, { services })).toMatchObject({ status: 'FAILED' });
    await expect(adopt(copy)).rejects.toThrow(InvalidInput);
    await expect(adopt(copy)).rejects.toThrow(/register of its own/);

    await world.backUp();
    expect(await world.run('verify', {})).toMatchObject({ output: { damaged: 0 } });
  });

  it('that has a second register for one bank is not written, nor adopted', async () => {
    const copy = { ...original, register: place('copied register') };
    await copyObjects(original.register, copy.register);
    const newer = (await world.backUp()).get(server) ?? '';

    const services = await servicesAt(copy);
    const collected = await world.run('collect-garbage', {}, { services });
    expect(collected).toMatchObject({ status: 'FAILED', error: 'BankIsCopy' });
    await expect(adopt(copy)).rejects.toThrow(/bank of its own/);

    // What the copied register knows nothing of would have been collected.
    expect(await diskInBank(world.services, newer)).toHaveLength(16 * MIB);
  });

  it('that was moved stays the bank that it was', async () => {
    const moved = { ...original, register: place('moved register') };
    await copyObjects(original.register, moved.register);
    const { homeId } = (await world.services.bank()).info;

    expect(await adopt(moved, true)).toBe(true);

    const services = await servicesAt(moved);
    expect((await services.bank()).info).toMatchObject({ homeId, isCopy: false });
    expect(await world.run('backup', {}, { services })).toMatchObject({ status: 'SUCCEEDED' });
  });
});

describe('what a copy finds in the cloud', () => {
  it('is never taken for its own, though the checkpoint is not in its register', async () => {
    world = await startWorld();
    const server = await world.addServer('web', randomBytes(MIB));
    await world.backUp();
    const copy = {
      bank: memoryStore({ location: 'memory:b' }),
      register: memoryStore({ location: 'memory:r' }),
      work: memoryStore({ location: 'memory:w' }),
    };
    await copyPlaces(world.places, copy);
    await adopt(copy);
    const services = await servicesAt(copy);
    await world.addServer('other', randomBytes(MIB));

    // The original's snapshot is there for longer than a day, and its owner still waits for it.
    const { homeId } = (await world.services.bank()).info;
    const name = `snapbank-${'a'.repeat(24)}`;
    const imageId = await world.cloud.addImage({
      name,
      content: randomBytes(1024),
      diskFormat: 'raw',
      properties: { snapbank_bank: homeId, snapbank_checkpoint: 'a'.repeat(24) },
    });
    await world.clock.advance(3 * 24 * 3600 * 1000);
    await world.run('backup', { servers: [server] }, { services });

    expect(world.cloud.inventory().images.map(({ id }) => id)).toContain(imageId);
    await world.backUp({ servers: [server] });
    expect(world.cloud.inventory().images.map(({ id }) => id)).not.toContain(imageId);
  });

  it('is not swept at all before the copy is adopted', async () => {
    world = await startWorld();
    await world.addServer('web', randomBytes(MIB));
    const copy = { ...world.places, bank: memoryStore({ location: 'memory:b' }) };
    await copyObjects(world.places.bank, copy.bank);
    const services = await servicesAt(copy);
    const { sweepOrphans } = await import('../../lib/protect/sweep.ts');

    await expect(sweepOrphans(services, new AbortController().signal)).rejects.toThrow(BankIsCopy);
  });
});
