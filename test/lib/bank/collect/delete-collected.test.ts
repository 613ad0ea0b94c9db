import { describe, expect, it } from 'vitest';
import { buryDead, deleteListed } from '../../../../lib/bank/collect/delete-collected.ts';
import { CollectionRefused } from '../../../../lib/bank/collect/errors.ts';
import { refuseTooMuch } from '../../../../lib/bank/collect/plan-collection.ts';
import { fencePin, listPins } from '../../../../lib/bank/register/pin.ts';
import { openPin } from '../../../../lib/bank/register/reader-pin.ts';
import { StoreRefused, StoreUnavailable } from '../../../../lib/bank/store/errors.ts';
import { all } from '../register/a-register.ts';
import { keysOf } from '../tamper.ts';
import { CollectedBank, rootOf, sized } from './a-collection.ts';

describe('refuseTooMuch', () => {
  it('does not let more than half of a bank go', async () => {
    const world = new CollectedBank();
    await world.giveUp(await world.backUp('e1'));
    const plan = await world.plan();

    expect(() => refuseTooMuch(world.bank, plan)).toThrow(CollectionRefused);
    const { listed, dead } = plan;
    const half = { ...plan, listed: { ...listed, bytes: 2 * dead.bytes } };
    expect(() => refuseTooMuch(world.bank, half)).not.toThrow();
  });
});

describe('buryDead', () => {
  it('is finished by the next collection where it was interrupted', async () => {
    const world = new CollectedBank();
    const { register } = world;
    const kept = await world.backUp('kept');
    await openPin(register, { checkpoint: kept, execution: { id: 'a restore that died' } });
    await world.giveUp(await world.backUp('e1'));
    await register.clock.advance(2 * 3600 * 1000);
    const { graves } = await world.plan();
    for (const prefix of ['records/', 'pins/']) {
      const store = {
        ...register.store,
        delete: async (keys: readonly string[]) => {
          if (keys.some((key) => key.startsWith(prefix))) throw new StoreUnavailable('It is gone.');
          await register.store.delete(keys);
        },
      };
      const { checkpoints, pins } = graves;
      const some = prefix === 'pins/' ? { checkpoints: [], pins } : { checkpoints, pins: [] };
      await expect(buryDead({ ...register, store }, some)).rejects.toThrow(StoreUnavailable);
    }

    await world.collect();

    const series = [
      ...(await keysOf(register.store, 'records/')),
      ...(await keysOf(register.store, 'pins/')),
    ];
    const left = series.filter((key) => !key.includes(kept));
    expect(left).toHaveLength(2);
    expect(left.every((key) => key.endsWith('/9999999999'))).toBe(true);
    expect(await world.isWhole(kept)).toBe(true);
  });

  it('buries a pin that an earlier collection fenced, and did not live to bury', async () => {
    const world = new CollectedBank();
    const { register } = world;
    const checkpoint = await world.backUp('kept');
    const { id } = await openPin(register, { checkpoint, execution: { id: 'a restore' } });
    const [pin] = await all(listPins(register));
    if (pin !== undefined) await fencePin(register, pin);

    await world.collect();

    expect(await keysOf(register.store, 'pins/')).toEqual([`pins/${id}/9999999999`]);
  });
});

describe('deleteListed', () => {
  it('counts what the store does not let go, and the next collection finds it again', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    await world.giveUp(checkpoint);
    const { deadKeys } = await world.plan();
    const locked = { ...world.bank, delete: refuse };

    expect(await deleteListed({ bank: locked, objects: sized(deadKeys) })).toMatchObject({
      deleted: { objects: 0 },
      retained: { objects: 3, bytes: 3 },
    });

    expect((await world.collect()).deadKeys).toHaveLength(3);
    expect(await world.bank.size(rootOf(checkpoint).key)).toBeUndefined();
  });

  it('deletes in batches, also very many', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    for (let n = 0; n < 2500; n++) {
      await world.bank.put(`packs/${checkpoint}/0-0-late-${n}`, new Uint8Array(1));
    }
    const batches: number[] = [];
    const bank = {
      ...world.bank,
      delete: async (keys: readonly string[]) => {
        batches.push(keys.length);
        await world.bank.delete(keys);
      },
    };

    await deleteListed({ bank, objects: sized((await world.plan()).deadKeys) });

    expect(batches).toEqual([1000, 1000, 500]);
    expect(await world.isWhole(checkpoint)).toBe(true);
  });

  it('deletes nothing but packs, segments and roots, whatever the list says', async () => {
    const world = new CollectedBank();
    await world.bank.put('bank.json', new Uint8Array(1));

    await deleteListed({ bank: world.bank, objects: sized(['bank.json', 'keys/a/0000000001']) });

    expect(await world.bank.size('bank.json')).toBe(1);
  });
});

async function refuse(): Promise<never> {
  throw new StoreRefused('The object is locked.');
}
