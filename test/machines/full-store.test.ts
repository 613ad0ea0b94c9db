import { expect, it } from 'vitest';
import { StoreRefused } from '../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { outcomeName } from './outcomes.ts';
import { startWorld } from './world.ts';

const FULL = 'the disk is full; free some space (ENOSPC)';

it('says that the store takes no more, and not that a Map failed, and leaves nothing', async () => {
  let isFull = false;
  const filling = (name: string, refused: Partial<Record<keyof ObjectStore, RegExp>>) => {
    const store = memoryStore({ location: `memory:${name}` });
    const unlessFull = <Call extends 'put' | 'putIfAbsent' | 'delete'>(call: Call) =>
      ((what: string | readonly string[], ...rest: []) => {
        const isRefused = [what].flat().some((key) => refused[call]?.test(key) === true);
        if (isFull && isRefused) return Promise.reject(new StoreRefused(FULL));
        return (store[call] as (...args: unknown[]) => Promise<unknown>)(what, ...rest);
      }) as ObjectStore[Call];
    return {
      ...store,
      put: unlessFull('put'),
      putIfAbsent: unlessFull('putIfAbsent'),
      delete: unlessFull('delete'),
    };
  };
  const world = await startWorld({
    places: {
      bank: filling('bank', { put: /^packs\// }),
      register: filling('register', { putIfAbsent: /\/0000000001$/ }),
      work: filling('work', { delete: /./ }),
    },
  });
  try {
    await world.addServer('web', Buffer.alloc(1024, 'x'));
    isFull = true;

    const outcome = await world.run('backup', {});

    expect(outcomeName(outcome)).toBe('StoreRefused');
    expect(world.published.at(-1)).toMatchObject({ DetailType: 'Backup Failed' });
    expect(await world.leftovers()).toEqual([]);
    isFull = false;
    // The record that could not be abandoned is in nobody's way once its lease has run out.
    await world.clock.advance(2 * 3600 * 1000);
    await world.backUp();
    expect(await world.leftovers()).toEqual([]);
  } finally {
    await world.close();
  }
});
