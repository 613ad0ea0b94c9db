import { describe, expect, it } from 'vitest';
import {
  bury,
  compareAndSet,
  deleteGenerations,
  generationKey,
  listSeries,
  readHead,
  readListed,
  type Series,
  TOMBSTONE,
} from '../../../../lib/bank/register/series.ts';
import { WriteOutcomeUnknown } from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { faultyStore, type StoreFault } from '../store/faulty-store.ts';
import { all } from './a-register.ts';
import { memoryStore } from '../store/memory-store.ts';

interface Value {
  writeId: string;
}

function aSeries(store: ObjectStore = memoryStore(), vanishes = false): Series<Value> {
  return {
    store,
    prefix: 'things/a',
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as Value,
    vanishes,
  };
}

/** Faults of the first calls of putIfAbsent. */
function failing(store: ObjectStore, ...faults: StoreFault[]) {
  return faultyStore(store, ({ method }) =>
    method === 'putIfAbsent' ? faults.shift() : undefined,
  );
}

describe('a series of generations', () => {
  it('is what its highest generation says', async () => {
    const series = aSeries();
    expect(await readHead(series)).toEqual({ kind: 'absent', generation: -1 });

    await compareAndSet(series, -1, { writeId: 'a' });
    await compareAndSet(series, 0, { writeId: 'b' });

    expect(await readHead(series)).toEqual({
      kind: 'live',
      generation: 1,
      value: { writeId: 'b' },
    });
  });

  it('lets one of two writers win', async () => {
    const series = aSeries();
    await compareAndSet(series, -1, { writeId: 'a' });

    const won = await Promise.all(
      ['b', 'c', 'd'].map((writeId) => compareAndSet(series, 0, { writeId })),
    );

    expect(won.filter(Boolean)).toHaveLength(1);
  });

  it.each([[['after']], [['before']], [['before', 'after']], [['before', 'before', 'after']]])(
    'takes a write whose answers were lost for done when it was (%j)',
    async (faults) => {
      const store = memoryStore();

      const won = await compareAndSet(aSeries(failing(store, ...(faults as StoreFault[]))), -1, {
        writeId: 'a',
      });

      expect(won).toBe(true);
      expect(await readHead(aSeries(store))).toMatchObject({ generation: 0 });
    },
  );

  it("takes a write whose answer was lost for lost when another's came first", async () => {
    const store = memoryStore();
    const series = aSeries(failing(store, 'before'));
    await compareAndSet(aSeries(store), -1, { writeId: 'other' });

    expect(await compareAndSet(series, -1, { writeId: 'mine' })).toBe(false);
  });

  it('says so when it could not find out', async () => {
    const series = aSeries(
      faultyStore(memoryStore(), ({ method }) => (method === 'putIfAbsent' ? 'before' : undefined)),
    );

    await expect(compareAndSet(series, -1, { writeId: 'a' })).rejects.toThrow(WriteOutcomeUnknown);
  });

  it('takes a request that arrives late for the write that it is', async () => {
    const store = memoryStore();
    const late = failing(store, 'late', 'before');
    const series = aSeries({
      ...late,
      putIfAbsent: async (...args) => {
        if (args[0].endsWith('0') && (await store.size(args[0])) === undefined) {
          await late.arrive();
        }
        return await late.putIfAbsent(...args);
      },
    });

    expect(await compareAndSet(series, -1, { writeId: 'a' })).toBe(true);
  });

  it('stays buried whatever is written to it', async () => {
    const series = aSeries();
    await compareAndSet(series, -1, { writeId: 'a' });
    await compareAndSet(series, 0, { writeId: 'b' });

    await bury(series);

    expect(await compareAndSet(series, 1, { writeId: 'late' })).toBe(false);
    expect(await compareAndSet(series, -1, { writeId: 'later' })).toBe(false);
    expect(await readHead(series)).toEqual({ kind: 'buried', generation: TOMBSTONE });
    await bury(series);
    expect(await keysOf(series.store)).toEqual([generationKey('things/a', TOMBSTONE)]);
  });

  it('is buried although answers were lost', async () => {
    const store = memoryStore();
    await compareAndSet(aSeries(store), -1, { writeId: 'a' });

    await bury(aSeries(failing(store, 'before', 'after')));

    expect(await readHead(aSeries(store))).toMatchObject({ kind: 'buried' });
  });

  it('does not believe a generation that was written anew after the burial', async () => {
    const store = memoryStore();
    const series = aSeries(store);
    await compareAndSet(series, -1, { writeId: 'a' });
    await bury(series);
    await store.put(generationKey('things/a', 0), Buffer.from('{"writeId":"late"}'));

    expect(await readListed(series, 0)).toEqual({ kind: 'buried', generation: TOMBSTONE });
  });

  it('that was deleted by something else is an alarm, or absent where that is usual', async () => {
    const store = memoryStore();
    await compareAndSet(aSeries(store), -1, { writeId: 'a' });
    await deleteGenerations(aSeries(store));

    await expect(readListed(aSeries(store), 0)).rejects.toThrow('other than snapbank');
    expect(await readListed(aSeries(store, true), 0)).toMatchObject({ kind: 'absent' });
  });

  it('is listed once, with its highest generation', async () => {
    const store = memoryStore();
    for (const [prefix, count] of [
      ['things/a', 12],
      ['things/b', 1],
    ] as const) {
      for (let generation = 0; generation < count; generation++) {
        await store.put(generationKey(prefix, generation), Buffer.from('{}'));
      }
    }

    expect(await all(listSeries(store, 'things/'))).toEqual([
      { prefix: 'things/a', generation: 11, count: 12 },
      { prefix: 'things/b', generation: 0, count: 1 },
    ]);
  });

  it('is not guessed at: what is no generation is an error', async () => {
    const store = memoryStore();
    await store.put('things/a/note.txt', Buffer.from('?'));

    await expect(all(listSeries(store, 'things/'))).rejects.toThrow('note.txt');
  });
});

async function keysOf(store: ObjectStore): Promise<string[]> {
  return (await all(store.list(''))).map(({ key }) => key);
}
