import { describe, expect, it } from 'vitest';
import { StoreUnavailable, WriteOutcomeUnknown } from '../../../../lib/bank/store/errors.ts';
import { describeObjectStore } from './conformance.ts';
import { faultyStore, type StoreFault, seededFaults } from './faulty-store.ts';
import { memoryStore } from './memory-store.ts';

const text = (value: string) => Buffer.from(value);

describeObjectStore(
  'faultyStore without faults',
  async () => {
    const store = faultyStore(memoryStore(), () => undefined);
    return { store, other: store, remove: async () => {} };
  },
  { presigns: false },
);

/** Fails the first call. */
function faulty(fault: StoreFault) {
  const store = memoryStore();
  return { store, faulty: faultyStore(store, ({ count }) => (count === 1 ? fault : undefined)) };
}

function faultsOf(seed: number) {
  const plan = seededFaults(seed, 0.3);
  return Array.from({ length: 200 }, (_, count) => plan({ method: 'get', key: 'a', count }));
}

describe('faultyStore', () => {
  it('fails before, after, or with an effect that comes later', async () => {
    for (const [fault, sizes] of [
      ['before', [undefined, undefined]],
      ['after', [1, 1]],
      ['late', [undefined, 1]],
    ] as const) {
      const { store, faulty: failing } = faulty(fault);

      await expect(failing.putIfAbsent('a', text('x'))).rejects.toThrow(WriteOutcomeUnknown);
      const soon = await store.size('a');
      await failing.arrive();
      expect([soon, await store.size('a')]).toEqual(sizes);
    }
  });

  it('lets a late putIfAbsent lose against one that came before', async () => {
    const { store, faulty: failing } = faulty('late');
    await expect(failing.putIfAbsent('a', text('late'))).rejects.toThrow(WriteOutcomeUnknown);

    expect(await failing.putIfAbsent('a', text('soon'))).toBe(true);
    await failing.arrive();
    expect(Buffer.from(await store.get('a')).toString()).toBe('soon');
  });

  it('fails a listing at its start or at its end', async () => {
    for (const [fault, count] of [
      ['before', 0],
      ['after', 2],
    ] as const) {
      const { store, faulty: failing } = faulty(fault);
      await Promise.all([store.put('a', text('x')), store.put('b', text('x'))]);
      const keys: string[] = [];
      const listing = async () => {
        for await (const { key } of failing.list('')) keys.push(key);
      };

      await expect(listing()).rejects.toThrow(StoreUnavailable);
      expect(keys).toHaveLength(count);
    }
  });

  it('repeats the faults of a seed', () => {
    expect(faultsOf(1)).toEqual(faultsOf(1));
    expect(faultsOf(1)).not.toEqual(faultsOf(2));
    const failed = faultsOf(3).filter((fault) => fault !== undefined);
    expect(failed.length).toBeGreaterThan(30);
    expect(failed.length).toBeLessThan(90);
    expect(new Set(failed)).toEqual(new Set(['before', 'after']));
  });
});
