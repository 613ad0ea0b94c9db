import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RegisterLost } from '../../lib/bank/errors.ts';
import { openBank } from '../../lib/bank/open-bank.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import { adoptRegister, rebuildRegister } from '../../lib/protect/rebuild-register.ts';
import type { Services } from '../../lib/services.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { diskInBank } from './disk-in-bank.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const ALL = { dryRun: false, abandonRest: false };

async function collected<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

describe('a bank whose register is lost', () => {
  let world: World;
  let places: BankPlaces;
  let server: string;
  const checkpoints: string[] = [];
  const disks: Buffer[] = [];

  beforeEach(async () => {
    world = await startWorld();
    server = await world.addServer('web', randomBytes(2 * MIB));
    checkpoints.length = 0;
    disks.length = 0;
    for (let n = 0; n < 2; n++) {
      await world.cloud.writeGuest(server, 8 * MIB, randomBytes(MIB));
      const checkpoint = (await world.backUp()).get(server) ?? '';
      checkpoints.push(checkpoint);
      disks.push(await diskInBank(world.services, checkpoint));
    }
    places = { ...world.places, register: memoryStore({ location: 'memory:new' }) };
  });
  afterEach(async () => {
    await world.close();
  });

  const open = async (): Promise<Services> => {
    const bank = await openBank(places, { passphrase: 'only for tests' });
    const { clock } = world.services;
    const register = registerOn({ store: places.register, nameKey: bank.keys.nameKey, clock });
    return { ...world.services, places, bank: async () => bank, register: async () => register };
  };
  const rebuild = async (options = ALL) => {
    const services = await open();
    return await rebuildRegister(await services.bank(), await services.register(), options);
  };

  it('gets a new one from the bank alone, with every checkpoint that is whole', async () => {
    await expect(open()).rejects.toThrow(RegisterLost);
    expect(await adoptRegister(places)).toBe(true);
    expect(await adoptRegister(places)).toBe(false);

    expect((await rebuild({ ...ALL, dryRun: true })).map(({ state }) => state)).toEqual([
      'whole',
      'whole',
    ]);
    expect(await keysOf(places.register, 'records/')).toEqual([]);
    const found = await rebuild();
    expect(found.map(({ serverId }) => serverId)).toEqual([server, server]);
    expect(await rebuild()).toEqual([]);

    const services = await open();
    for (const [n, checkpoint] of checkpoints.entries()) {
      expect((await diskInBank(services, checkpoint)).equals(disks[n] ?? Buffer.alloc(0))).toBe(
        true,
      );
    }
    const before = await collected(listCheckpoints(await world.services.register()));
    const after = await collected(listCheckpoints(await services.register()));
    const facts = (list: typeof before) =>
      list.map(({ checkpoint, server: of, createdAt, state }) => ({
        checkpoint,
        of,
        createdAt,
        state,
      }));
    expect(facts(after)).toEqual(facts(before));
  });

  it('says what cannot come back, and gives it up only when it is told to', async () => {
    await adoptRegister(places);
    const [first = '', second = ''] = checkpoints;
    await places.bank.delete(await keysOf(places.bank, `roots/${second}`));
    const [pack = ''] = await keysOf(places.bank, `packs/${first}/`);
    await places.bank.delete([pack]);

    const found = new Map((await rebuild()).map((one) => [one.checkpoint, one]));
    expect(found.get(second)).toMatchObject({ state: 'without root', serverId: null });
    expect(found.get(first)).toMatchObject({
      state: 'incomplete',
      missing: [pack],
      serverId: server,
    });
    expect(await keysOf(places.register, 'records/')).toEqual([]);

    await rebuild({ ...ALL, abandonRest: true });
    expect(await rebuild()).toEqual([]);
    expect(await collected(listCheckpoints(await (await open()).register()))).toEqual([]);
  });

  it('makes a single record anew, and believes no note of the lost one', async () => {
    const { register } = world.places;
    const [, newest = ''] = checkpoints;
    await world.backUp();
    expect(await keysOf(register, 'surveys/')).toHaveLength(1);
    const lost = (await keysOf(register, 'records/')).filter((key) => key.includes(newest));
    await register.delete(lost);
    places = world.places;

    expect(await rebuild()).toMatchObject([{ checkpoint: newest, state: 'whole' }]);
    expect(await keysOf(register, 'surveys/')).toEqual([]);
  });

  it('is read from a copy elsewhere, with a register of its own', async () => {
    const copy = {
      bank: memoryStore({ location: 'memory:copy' }),
      register: memoryStore({ location: 'memory:copied register' }),
      work: memoryStore(),
    };
    for (const place of ['bank', 'register'] as const) {
      for (const key of await keysOf(world.places[place], '')) {
        await copy[place].put(key, await world.places[place].get(key));
      }
    }
    places = copy;
    const services = await open();
    for (const [n, checkpoint] of checkpoints.entries()) {
      expect((await diskInBank(services, checkpoint)).equals(disks[n] ?? Buffer.alloc(0))).toBe(
        true,
      );
    }
    expect(await rebuild()).toEqual([]);
  });

  it('does not take the register of another bank', async () => {
    const other = await startWorld();
    const foreign = { ...places, register: other.places.register };

    await expect(adoptRegister(foreign)).rejects.toThrow(RegisterLost);
    await other.close();
  });
});
