import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { changeLockDays } from '../../lib/bank/change-lock.ts';
import { openBank } from '../../lib/bank/open-bank.ts';
import { readRecord } from '../../lib/bank/register/records.ts';
import { isRooted, RootReference, type RootedRecord } from '../../lib/bank/register/record.ts';
import { readRoot } from '../../lib/bank/roots.ts';
import { StoreUnavailable } from '../../lib/bank/store/errors.ts';
import type { ObjectLock } from '../../lib/bank/store/object-lock.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { inBatches } from '../../lib/protect/retention.ts';
import { resolveCheckpoint } from '../../lib/protect/resolve-checkpoint.ts';
import { RangeUnfinished } from '../../lib/protect/errors.ts';
import { CollectionSummary } from '../../lib/collect/summary.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { Random } from '../lib/disk/support/random.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const DAY_MILLISECONDS = 24 * 3600 * 1000;
const GUEST_DATA_OFFSET = MIB;

/** A server's clock, which the test turns. */
function serverClock() {
  let now = Date.parse('2026-03-01T00:00:00.000Z');
  return {
    now: () => now,
    sleep: async () => {},
    turn: (days: number) => {
      now += days * DAY_MILLISECONDS;
    },
  };
}

describe('a backup into a locked bank', () => {
  let world: World;
  let clock: ReturnType<typeof serverClock>;
  let store: ObjectStore;
  let lock: ObjectLock;

  const start = async (over: (lock: ObjectLock) => Partial<ObjectLock> = () => ({})) => {
    clock = serverClock();
    const memory = memoryStore({ location: 'memory:locked', clock, locking: true });
    const real = memory.objectLock as ObjectLock;
    lock = real;
    store = { ...memory, objectLock: { ...real, ...over(real) } };
    world = await startWorld({ places: { bank: store }, lock: { mode: 'governance', days: 8 } });
    return world.addServer('web', randomBytes(2 * MIB));
  };
  afterEach(async () => {
    await world.close();
  });

  const recordOf = async (checkpoint: string): Promise<RootedRecord> => {
    const head = await readRecord(await world.services.register(), checkpoint);
    if (head.kind !== 'live' || !isRooted(head.value)) throw new Error('not committed');
    return head.value;
  };
  const locksOf = async (checkpoint: string): Promise<Map<string, number>> => {
    return await locksOfRoot((await recordOf(checkpoint)).root);
  };
  const locksOfRoot = async (reference: RootReference): Promise<Map<string, number>> => {
    const root = await readRoot(await world.services.bank(), reference);
    const segments = root.disks.flatMap((disk) =>
      disk.segments.flatMap(({ object }) => object ?? []),
    );
    const keys = [
      reference.key,
      ...segments.map(({ key }) => key),
      ...root.packs.map(({ key }) => key),
    ];
    const locks = new Map<string, number>();
    for (const key of keys) locks.set(key, (await lock.retentionOf(key))?.until.getTime() ?? 0);
    return locks;
  };
  const shortest = async (checkpoint: string) => Math.min(...(await locksOf(checkpoint)).values());

  it('locks every object as it is put, bank.json and the key ring too', async () => {
    const server = await start();
    const checkpoint = (await world.backUp()).get(server) ?? '';

    const keys = await keysOf(store, '');
    expect(keys.length).toBeGreaterThan(4);
    for (const key of keys) {
      expect((await lock.retentionOf(key))?.until.getTime(), key).toBe(
        clock.now() + 10 * DAY_MILLISECONDS,
      );
    }
    const record = await recordOf(checkpoint);
    expect(record.lockedUntil).toBe('2026-03-11T00:00:00.000Z');
    expect((await readRoot(await world.services.bank(), record.root)).lockedUntil).toBe(
      record.lockedUntil,
    );
  });

  it("extends an ancestor's objects only when they would run out, and then before the commit", async () => {
    let extended: string[] = [];
    const server = await start((real) => ({
      async extend(key, ...rest) {
        extended.push(key);
        await real.extend(key, ...rest);
      },
    }));
    const first = (await world.backUp()).get(server) ?? '';
    const change = async () => {
      await world.cloud.writeGuest(server, GUEST_DATA_OFFSET, randomBytes(MIB / 4));
      return (await world.backUp()).get(server) ?? '';
    };

    clock.turn(1);
    const second = await change();
    expect(extended).toEqual([]);
    expect(await shortest(second)).toBeGreaterThanOrEqual(clock.now() + 8 * DAY_MILLISECONDS);

    clock.turn(3);
    const third = await change();
    expect(extended.filter((key) => key.includes(first)).length).toBeGreaterThan(0);
    expect(extended).toContain('bank.json');
    expect(extended.some((key) => key.startsWith('keys/'))).toBe(true);
    expect(await shortest(third)).toBeGreaterThanOrEqual(clock.now() + 8 * DAY_MILLISECONDS);

    extended = [];
    clock.turn(1);
    await change();
    expect(extended).toEqual([]);
  });

  it.each([1, 2, 3])(
    'has all that a checkpoint refers to locked for as long as promised at the moment of its commit, seed %i',
    async (seed) => {
      const random = new Random(seed);
      const servers = [await start()];
      servers.push(await world.addServer('second of the image', randomBytes(MIB / 4)));
      const { register } = world.places;
      const create = register.putIfAbsent.bind(register);
      let commits = 0;
      register.putIfAbsent = async (key, body, options) => {
        const text = Buffer.from(body).toString('utf8');
        const [, root] = /"state":"COMMITTED".*?"root":(\{[^}]*\})/.exec(text) ?? [];
        if (root !== undefined) {
          commits += 1;
          const reference = RootReference.parse(JSON.parse(root));
          for (const [name, until] of await locksOfRoot(reference)) {
            expect(until, name).toBeGreaterThanOrEqual(clock.now() + 8 * DAY_MILLISECONDS);
          }
        }
        return await create(key, body, options);
      };

      for (let night = 0; night < 6; night += 1) {
        const server = servers[random.below(2)] ?? '';
        const place = GUEST_DATA_OFFSET * (1 + random.below(12));
        await world.cloud.writeGuest(server, place, randomBytes(MIB / 4));
        await world.backUp(random.chance(0.5) ? {} : { servers: [server] });
        // From hours, when nothing is to be extended, to weeks, when all has run out.
        clock.turn(random.below(40) / 4);
      }

      expect(commits).toBeGreaterThanOrEqual(6);
    },
  );

  it('locks for more days from the next backup on when it is told to, and for fewer only if that is meant', async () => {
    const server = await start();
    await world.backUp();
    const bank = await world.services.bank();
    const { places } = world;

    await expect(changeLockDays(bank, 7)).rejects.toThrow(/for 8 days.*--force/s);
    await expect(changeLockDays(bank, 0.5)).rejects.toThrow('1 to 36,500 days');
    const open = async () => await openBank(places, { passphrase: 'only for tests' });
    expect((await open()).info.lock).toEqual({ mode: 'governance', days: 8 });
    // Cut off between the two copies: the bank's own counts, and the same command again makes them one.
    const put = store.put.bind(store);
    store.put = () => Promise.reject(new StoreUnavailable('The network is down.'));
    await expect(changeLockDays(bank, 60)).rejects.toThrow('network is down');
    store.put = put;
    expect((await open()).info.lock?.days).toBe(8);
    expect(await changeLockDays(bank, 60)).toEqual({ mode: 'governance', days: 60 });
    expect(await places.register.get('bank.json')).toEqual(await places.bank.get('bank.json'));

    const changed = await open();
    expect(changed.info.lock?.days).toBe(60);
    const services = { ...world.services, bank: () => Promise.resolve(changed) };
    const outcome = await world.run('backup', {}, { services });
    expect(outcome.status).toBe('SUCCEEDED');
    const newest = await resolveCheckpoint(changed, await services.register(), 'web@latest');
    expect(newest.server.serverId).toBe(server);
    const sixtyDays = clock.now() + 60 * DAY_MILLISECONDS;
    expect(await shortest(newest.checkpoint)).toBeGreaterThanOrEqual(sixtyDays);
    expect((await lock.retentionOf('bank.json'))?.until.getTime()).toBeGreaterThan(sixtyDays);
    expect((await changeLockDays(changed, 1, { force: true })).days).toBe(1);
    expect(await shortest(newest.checkpoint)).toBeGreaterThanOrEqual(sixtyDays);
  });

  it('commits nothing where a lock cannot be extended', async () => {
    let broken = false;
    const server = await start((real) => ({
      async extend(...call) {
        if (broken) throw new StoreUnavailable('The lock was made to fail.');
        await real.extend(...call);
      },
    }));
    await world.backUp();
    clock.turn(5);
    broken = true;
    await world.cloud.writeGuest(server, GUEST_DATA_OFFSET, randomBytes(MIB / 4));

    expect((await world.run('backup', {})).status).toBe('FAILED');

    const roots = await keysOf(store, 'roots/');
    expect(roots).toHaveLength(1);
  });

  it('refuses a commit whose locks nobody extended', async () => {
    await start();
    const { work } = world.places;
    const put = work.put.bind(work);
    // The note of the extension is lost on its way.
    work.put = async (key, ...rest) => {
      if (!key.endsWith('/retention')) await put(key, ...rest);
    };

    const outcome = await world.run('backup', {});

    expect(outcome.status).toBe('FAILED');
    expect(JSON.stringify(outcome)).toContain('CheckpointNotLocked');
    expect(await keysOf(store, 'roots/')).toEqual([]);
  });

  it('keeps what is locked in a collection, says until when, and deletes it later', async () => {
    const server = await start();
    const first = (await world.backUp()).get(server) ?? '';
    await world.cloud.writeGuest(server, GUEST_DATA_OFFSET, randomBytes(2 * MIB));
    await world.backUp();
    expect((await world.run('prune', { keep: { last: 1 } })).status).toBe('SUCCEEDED');
    const collect = async () => {
      const outcome = await world.run('collect-garbage', { undelete_days: 0, force: true });
      expect(outcome.status).toBe('SUCCEEDED');
      return CollectionSummary.parse(outcome.status === 'SUCCEEDED' ? outcome.output : {});
    };

    const early = await collect();
    expect(early.dead.objects).toBeGreaterThan(1);
    expect(early.retained).toEqual(early.dead);
    expect(early.deleted.objects).toBe(0);
    expect(early.retainedUntil).toBe('2026-03-11T00:00:00.000Z');
    expect(await keysOf(store, `packs/${first}/`)).not.toEqual([]);

    clock.turn(11);
    const late = await collect();
    expect(late.deleted).toEqual(early.dead);
    expect(late.retainedUntil).toBeNull();
    expect(await keysOf(store, `roots/${first}`)).toEqual([]);
  });
});

describe('extending many locks', () => {
  it('goes on where a worker ran short of time, and extends nothing twice', async () => {
    const keys = Array.from({ length: 1000 }, (_, n) => `packs/${String(n)}`);
    const extended: string[] = [];
    let saved = 0;
    for (let worker = 0; saved < keys.length; worker++) {
      let batches = 0;
      const steps = {
        extend: async (key: string) => {
          extended.push(key);
        },
        before: async () => {
          if (batches++ === 3) throw new RangeUnfinished('short of time');
        },
        after: async (done: number) => {
          saved = done;
        },
      };
      await inBatches(keys, saved, steps, 70).catch((error: unknown) => {
        expect(error).toBeInstanceOf(RangeUnfinished);
      });
      expect(worker).toBeLessThan(6);
    }
    expect(extended).toEqual(keys);
  });
});
