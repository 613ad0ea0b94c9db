import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBank } from '../../lib/bank/open-bank.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { markDamaged } from '../../lib/bank/register/damage-marks.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { SnapbankError } from '../../lib/errors.ts';
import { type HeldRoot, openPin, renewPin } from '../../lib/bank/register/reader-pin.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import { readBasePointer } from '../../lib/bank/register/base-pointer.ts';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import { listPins } from '../../lib/bank/register/pin.ts';
import { readCheckpoint } from '../../lib/restore/checkpoint-root.ts';
import { readRecord } from '../../lib/bank/register/records.ts';
import { silentLog } from '../../lib/log.ts';
import { startLostServers } from '../../lib/protect/stopped-servers.ts';
import { RestorePlan } from '../../lib/restore/plan.ts';
import { listRollbacks, noteRollback } from '../../lib/restore/rollbacks.ts';
import { openSummary } from '../../lib/protect/summary.ts';
import { resolveCheckpoint } from '../../lib/protect/resolve-checkpoint.ts';
import { openPack } from '../../lib/bank/format/pack-reader.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { flipped, keysOf } from '../lib/bank/tamper.ts';
import { diskInBank } from './disk-in-bank.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const GUEST_DATA_OFFSET = MIB;
const CREDENTIALS = { passphrase: 'only for tests' };

/** Bytes of an object that are turned over, one at a time: all of a short one, else some of every part of it. */
function* placesIn(sizeBytes: number): Generator<number> {
  const most = 12;
  const step = sizeBytes <= most ? 1 : sizeBytes / most;
  for (let at = 0; at < sizeBytes; at += step) yield Math.floor(at);
  if (sizeBytes > most) for (let back = 1; back <= 3; back++) yield sizeBytes - back;
}

describe('a byte that somebody turned over', () => {
  let world: World;
  let checkpoint: string;
  let disk: Buffer;
  let objects: Map<string, Uint8Array>;
  let held: HeldRoot;

  beforeAll(async () => {
    world = await startWorld();
    const server = await world.addServer('web', randomBytes(MIB / 4));
    await world.backUp();
    await world.cloud.writeGuest(server, GUEST_DATA_OFFSET, randomBytes(MIB / 4));
    checkpoint = (await world.backUp()).get(server) ?? '';
    const register = await world.services.register();
    const pin = await openPin(register, { checkpoint, execution: { id: 'reader' } });
    held = { pinId: pin.id, root: pin.record.root };
    await markDamaged(register, [
      { key: 'packs/0123456789abcdef01234567/x', error: 'ObjectDamaged' },
    ]);
    await world.run('verify', { sample_percent: 50 });
    disk = await diskInBank(world.services, checkpoint);
    objects = new Map();
    for (const place of ['bank', 'register'] as const) {
      const store = world.places[place];
      for (const key of await keysOf(store, '')) {
        objects.set(`${place} ${key}`, await store.get(key));
      }
    }
  });
  afterAll(async () => {
    await world.close();
  });

  /** Runs something while what is put into the work place is altered on its way. */
  const withWork = async <Result>(
    alter: (key: string, body: Uint8Array) => Uint8Array,
    run: () => Promise<Result>,
  ): Promise<Result> => {
    const { work } = world.places;
    const put = work.put.bind(work);
    work.put = async (key, body, options) => await put(key, alter(key, body), options);
    try {
      return await run();
    } finally {
      work.put = put;
    }
  };

  /** The places with one object altered; what is read of them changes nothing. */
  const tampered = (name: string, bytes: Uint8Array): BankPlaces => {
    const over = (place: 'bank' | 'register'): ObjectStore => {
      const store = world.places[place];
      const read = async (key: string, options?: Parameters<ObjectStore['get']>[1]) => {
        if (`${place} ${key}` !== name) return await store.get(key, options);
        const copy = memoryStore();
        await copy.put(key, bytes);
        return await copy.get(key, options);
      };
      return { ...store, get: read };
    };
    return { bank: over('bank'), register: over('register'), work: world.places.work };
  };

  /** Everything that a reader, a writer and a collector take from the two places. */
  const readAll = async (places: BankPlaces): Promise<Buffer> => {
    const bank = await openBank(places, CREDENTIALS);
    const register = registerOn({
      store: places.register,
      nameKey: bank.keys.nameKey,
      clock: world.clock,
    });
    const record = await resolveCheckpoint(bank, register, checkpoint);
    for await (const one of listCheckpoints(register)) {
      if (one.summary !== undefined) await openSummary(bank, one.server, one.summary);
      if ('root' in one) {
        const { server } = one;
        expect((await readCheckpoint(bank, { ...one })).identity).toEqual(server);
      }
    }
    for await (const pin of listPins(register)) expect(pin.state).toBe('HELD');
    await renewPin(register, held);
    if (!('root' in record)) throw new Error('The checkpoint has no root any more.');
    const { cloud, region } = record.server;
    const bases = await Promise.all(
      ['image', 'other'].map((imageId) => readBasePointer(register, { cloud, region, imageId })),
    );
    expect(bases).toEqual([undefined, undefined]);
    for (const key of await keysOf(places.bank, 'packs/')) {
      const pack = openPack(bank.keys, key, await places.bank.get(key));
      for (const slot of pack.slots) await pack.read(slot);
    }
    const services = {
      ...world.services,
      places,
      bank: async () => bank,
      register: async () => register,
    };
    return await diskInBank(services, checkpoint);
  };

  const kinds: [string, string, RegExp][] = [
    ['bank.json', 'bank bank.json', /^(ObjectDamaged|UnsupportedBank|WrongKey|RegisterLost)$/],
    [
      "the register's bank.json",
      'register bank.json',
      /^(ObjectDamaged|UnsupportedBank|RegisterLost)$/,
    ],
    ['a key ring', 'bank keys/', /^(ObjectDamaged|WrongKey|InvalidInput)$/],
    ["the register's key ring", 'register keys/', /^(ObjectDamaged|WrongKey|InvalidInput)$/],
    ['a root', 'bank roots/', /^ObjectDamaged$/],
    ['a table of a segment', 'bank segments/', /^ObjectDamaged$/],
    ['a pack', 'bank packs/', /^(ObjectDamaged|ChunkDamaged)$/],
    ['a record', 'register records/', /^RecordUnreadable$/],
    ['a pin', 'register pins/', /^RecordUnreadable$/],
  ];

  it.each(kinds)(
    'of %s is noticed by name, or harms nothing',
    async (_, prefix, names) => {
      // The last ones of a series are what counts.
      const found = [...objects].filter(([name]) => name.startsWith(prefix)).slice(-2);
      let noticed = 0;
      for (const [name, bytes] of found) {
        for (const at of placesIn(bytes.length)) {
          try {
            const read = await readAll(tampered(name, flipped(bytes, at, at % 8)));
            expect(read.equals(disk), `${name} byte ${String(at)}`).toBe(true);
          } catch (error) {
            if (!(error instanceof SnapbankError)) throw error;
            expect(error.name, `${name} byte ${String(at)}: ${error.message}`).toMatch(names);
            noticed += 1;
          }
        }
      }
      // The bank's copy of the ring is read where the register's is gone.
      expect(noticed > 0).toBe(prefix !== 'bank keys/');
    },
    120_000,
  );

  it('of advice in the register harms nothing', async () => {
    for (const prefix of ['bases/', 'damaged/', 'samples/', 'surveys/']) {
      const found = [...objects].filter(([name]) => name.startsWith(`register ${prefix}`));
      expect(found.length, prefix).toBeGreaterThan(0);
      for (const [name, bytes] of found) {
        const key = name.slice('register '.length);
        await world.places.register.put(key, flipped(bytes, Math.floor(bytes.length / 2), 1));
      }
    }
    const server = await world.addServer('second', randomBytes(MIB / 4));
    const made = (await world.backUp()).get(server) ?? '';
    const restored = await world.run('restore', { checkpoint: made, name: 'again', check: true });
    expect(restored.output).toMatchObject({ identical: true });
    expect((await world.run('verify', { sample_percent: 50 })).status).toBe('SUCCEEDED');
  });

  it('of what a verification leaves for itself proves nothing', async () => {
    for (const kind of ['groups', 'reports']) {
      let spoilt = 0;
      const outcome = await withWork(
        (key, body) => {
          const spoil = key.startsWith('verifications/') && key.includes(`/${kind}/`);
          if (spoil) spoilt += 1;
          return spoil ? flipped(body, body.length - 3) : body;
        },
        async () => await world.run('verify', { checkpoints: [checkpoint] }),
      );
      expect(spoilt).toBeGreaterThan(0);
      expect(outcome, kind).toMatchObject({ status: 'FAILED', error: 'ObjectDamaged' });
    }
  });

  it('of the list of what is pruned takes out nothing that the rules do not', async () => {
    const other = await world.addServer('pruned', randomBytes(MIB / 4));
    const own: string[] = [];
    for (let night = 0; night < 2; night += 1) {
      await world.clock.advance(24 * 3600 * 1000);
      own.push((await world.backUp({ servers: ['pruned'] })).get(other) ?? '');
    }
    // The one that goes becomes the newest of another server.
    const outcome = await withWork(
      (key, body) =>
        key.startsWith('outcomes/prune-')
          ? Buffer.from(
              Buffer.from(body)
                .toString()
                .replaceAll(own[0] ?? '', checkpoint),
            )
          : body,
      async () => await world.run('prune', { servers: ['pruned'], keep: { last: 1 } }),
    );

    expect(outcome.status).toBe('SUCCEEDED');
    const register = await world.services.register();
    for (const one of [checkpoint, ...own]) {
      expect(await readRecord(register, one)).toMatchObject({ value: { state: 'COMMITTED' } });
    }
  });

  it('of the note of a failed restore removes nothing', async () => {
    const bank = await world.services.bank();
    const { signal } = new AbortController();
    const planned = await world.run('restore', { checkpoint, name: 'kept', plan_only: true });
    const plan = RestorePlan.parse(planned.output);
    const read = async () => {
      const found: unknown[] = [];
      for await (const one of listRollbacks(bank, silentLog, signal)) found.push(one.plan);
      return found;
    };
    await noteRollback(bank, plan, 0, signal);
    expect(await read()).toEqual([plan]);
    const key = `rollbacks/${plan.restoreId}`;
    const bytes = await world.places.work.get(key);
    for (const at of placesIn(bytes.length)) {
      await world.places.work.put(key, flipped(bytes, at, at % 8));
      expect(await read(), String(at)).toEqual([]);
    }
    await world.places.work.delete([key]);
  });

  it('of the note that a server was stopped starts it all the same', async () => {
    const server = await world.addServer('stopped', randomBytes(MIB / 4));
    const crash = new AbortController();
    await world.run(
      'backup',
      { servers: ['stopped'], stop: true },
      {
        signal: crash.signal,
        onEvent: (event) => {
          if (event.type !== 'TaskStateEntered') return;
          if (event.stateEnteredEventDetails.name === 'CreateServerSnapshot') crash.abort();
        },
      },
    );
    const statusOf = () => world.cloud.inventory().servers.find(({ id }) => id === server)?.status;
    expect(statusOf()).toBe('SHUTOFF');
    const [key = ''] = await keysOf(world.places.register, 'stopped/');
    const bytes = await world.places.register.get(key);
    await world.clock.advance(3 * 3600 * 1000);
    const { signal } = new AbortController();
    for (const at of placesIn(bytes.length)) {
      await world.places.register.put(key, flipped(bytes, at, at % 8));
      const { serverIds } = await startLostServers(world.services, () => true, signal);
      expect(serverIds, String(at)).toEqual([server]);
    }
    await world.clock.advance(60_000);
    expect(statusOf()).toBe('ACTIVE');
    await startLostServers(world.services, () => true, signal);
  });

  it('of a receipt has the segment read again', async () => {
    let spoilt = 0;
    const outcome = await withWork(
      (key, body) => {
        const spoil = key.startsWith('receipts/') && spoilt < 2;
        if (spoil) spoilt += 1;
        return spoil ? flipped(body, body.length - 3) : body;
      },
      async () => await world.run('backup', {}),
    );

    expect(spoilt).toBeGreaterThan(0);
    expect(JSON.stringify(outcome)).toMatch(/SUCCEEDED|CheckpointIncomplete/);
    const after = await world.backUp();
    for (const made of after.values()) {
      const restored = await world.run('restore', { checkpoint: made, name: 'again', check: true });
      expect(restored.output).toMatchObject({ identical: true });
    }
  });
});
