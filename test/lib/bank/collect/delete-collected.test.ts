import { describe, expect, it } from 'vitest';
import { deleteCollected } from '../../../../lib/bank/collect/delete-collected.ts';
import { CollectionRefused } from '../../../../lib/bank/collect/errors.ts';
import { StoreRefused } from '../../../../lib/bank/store/errors.ts';
import { CollectedBank, rootOf } from './a-collection.ts';

describe('deleteCollected', () => {
  it('does not delete more than half of a bank unless it is told to', async () => {
    const world = new CollectedBank();
    const { bank, register } = world;
    await world.giveUp(await world.backUp('e1'));
    const plan = await world.plan();

    await expect(deleteCollected({ bank, register, plan })).rejects.toThrow(CollectionRefused);
    expect(await world.owners()).toHaveProperty('size', 1);

    await deleteCollected({ bank, register, plan, force: true });
    expect(await world.owners()).toHaveProperty('size', 0);
  });

  it('counts as retained what the store does not let go, and tries again next time', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    await world.giveUp(checkpoint);
    const plan = await world.plan();
    const locked = {
      ...world.bank,
      delete: () => Promise.reject(new StoreRefused('The object is locked.')),
    };

    const { register } = world;
    expect(await deleteCollected({ bank: locked, register, plan, force: true })).toMatchObject({
      deleted: { objects: 0 },
      retained: { objects: 3 },
      buriedCheckpoints: 1,
    });

    expect(await world.collect()).toMatchObject({ deleted: { objects: 3 } });
    expect(await world.bank.size(rootOf(checkpoint).key)).toBeUndefined();
  });

  it('deletes in batches, also very many', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    for (let n = 0; n < 2500; n++) {
      await world.bank.put(`packs/${checkpoint}/0-0-late-${n}`, new Uint8Array(1));
    }
    const batches: number[] = [];
    const { register } = world;
    const bank = {
      ...world.bank,
      delete: async (keys: readonly string[]) => {
        batches.push(keys.length);
        await world.bank.delete(keys);
      },
    };

    await deleteCollected({ bank, register, plan: await world.plan(), force: true });

    expect(batches).toEqual([1000, 1000, 500]);
    expect(await world.isWhole(checkpoint)).toBe(true);
  });
});
