import { describe, expect, it } from 'vitest';
import { PutIfAbsentNotProven, StoreUnavailable } from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { provePutIfAbsent } from '../../../../lib/bank/store/probe.ts';
import { faultyStore } from './faulty-store.ts';
import { memoryStore } from './memory-store.ts';

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}

describe('provePutIfAbsent', () => {
  it('is content with a store that keeps the promise, and leaves nothing in it', async () => {
    const store = memoryStore();
    await store.put('records/a', Buffer.from('x'));

    await provePutIfAbsent(store);

    expect(await keysOf(store)).toEqual(['records/a']);
  });

  it('is content when answers are lost', async () => {
    const store = memoryStore();

    await provePutIfAbsent(
      faultyStore(store, ({ method, count }) => {
        if (method !== 'putIfAbsent') return undefined;
        return count % 3 === 0 ? 'before' : count % 3 === 1 ? 'after' : undefined;
      }),
    );

    expect(await keysOf(store)).toEqual([]);
  });

  it.each<[string, (store: ObjectStore) => Partial<ObjectStore>, string]>([
    [
      'ignores the condition',
      (store) => ({
        putIfAbsent: async (key, body) => {
          await store.put(key, body);
          return true;
        },
      }),
      '32 of 32 writers of one key won',
    ],
    [
      'looks first and writes then',
      (store) => ({
        putIfAbsent: async (key, body) => {
          const isFree = (await store.size(key)) === undefined;
          if (isFree) await store.put(key, body);
          return isFree;
        },
      }),
      'won',
    ],
    ['never creates', () => ({ putIfAbsent: async () => false }), 'none of 32'],
    [
      'lets one win and keeps what another wrote',
      (store) => {
        const keys = new Set<string>();
        return {
          putIfAbsent: async (key, body) => {
            const won = !keys.has(key);
            keys.add(key);
            await store.put(key, body);
            return won;
          },
        };
      },
      'not what the winner wrote',
    ],
    [
      'keeps the condition only while writers race',
      (store) => {
        const calls = new Map<string, number>();
        return {
          putIfAbsent: async (key, body) => {
            const count = (calls.get(key) ?? 0) + 1;
            calls.set(key, count);
            if (count > 32) await store.put(key, body);
            return store.putIfAbsent(key, body);
          },
        };
      },
      'was replaced',
    ],
    [
      'does not list at once what it holds',
      (store) => ({
        async *list(prefix, options) {
          for await (const object of store.list(prefix, options)) {
            if (!object.key.endsWith('/3')) yield object;
          }
        },
      }),
      'lists 3 of 4',
    ],
  ])('refuses by name a store that %s', async (_, flaw, found) => {
    const store = memoryStore({ location: 's3://bucket/register' });

    const proof = provePutIfAbsent({ ...store, ...flaw(store) });

    const error = await proof.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PutIfAbsentNotProven);
    expect((error as Error).message).toContain('s3://bucket/register');
    expect((error as Error).message).toContain(found);
    expect((error as Error).message).toContain('SNAPBANK_REGISTER');
    expect(await keysOf(store)).toEqual([]);
  });

  it('does not call a store unfit that is only unavailable', async () => {
    const store = faultyStore(memoryStore(), ({ method }) =>
      method === 'get' ? 'before' : undefined,
    );

    await expect(provePutIfAbsent(store)).rejects.toThrow(StoreUnavailable);
  });
});
