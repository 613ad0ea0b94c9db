import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreRefused } from '../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { outcomeName } from './outcomes.ts';
import { startWorld, type World } from './world.ts';

const CHANGES: readonly string[] = ['put', 'putIfAbsent', 'delete', 'startUpload', 'putPart'];

/** From when on the three places refuse, and what. */
let refused: 'nothing' | 'changes' | 'everything';
let world: World;

beforeEach(async () => {
  refused = 'nothing';
  world = await startWorld({
    places: {
      bank: refusing(memoryStore({ location: 'memory:bank' })),
      register: refusing(memoryStore({ location: 'memory:register' })),
      work: refusing(memoryStore({ location: 'memory:work' })),
    },
  });
  await world.addServer('web', Buffer.alloc(1024, 'x'));
});

afterEach(async () => {
  await world.close();
});

function refusing(store: ObjectStore): ObjectStore {
  return new Proxy(store, {
    get(target, name: keyof ObjectStore) {
      const isRefused =
        refused === 'everything' || (refused === 'changes' && CHANGES.includes(name));
      if (!isRefused || typeof target[name] !== 'function') return target[name];
      const refusal = new StoreRefused('Refused: the credentials have expired; log in again.');
      if (!name.startsWith('list')) return () => Promise.reject(refusal);
      return () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(refusal) }) });
    },
  });
}

/** Lets the store refuse from when the state is entered. */
const fromState = (name: string, what: typeof refused) => (event: HistoryEvent) => {
  const isEntered = 'stateEnteredEventDetails' in event;
  if (isEntered && event.stateEnteredEventDetails.name === name) refused = what;
};

const inCloud = () => {
  const { images, servers } = world.cloud.inventory();
  return [...images, ...servers].map(({ name }) => name);
};

describe.each(['changes', 'everything'] as const)(
  'a store that refuses %s in the middle',
  (what) => {
    it.each(['UploadSegments', 'CommitCheckpoint'])(
      'is named by the backup, which leaves nothing in the cloud (%s)',
      async (state) => {
        const outcome = await world.run('backup', {}, { onEvent: fromState(state, what) });

        // A Map that cannot write what its children came to, or read them again, says so itself.
        expect(outcomeName(outcome)).toMatch(
          /^(StoreRefused|States\.(ItemReader|ResultWriter)Failed)$/,
        );
        expect(inCloud()).toEqual(['base', 'web']);
        refused = 'nothing';
        // A record that could not be abandoned is in nobody's way once its lease has run out.
        await world.clock.advance(2 * 3600 * 1000);
        await world.backUp();
        expect(await world.leftovers()).toEqual([]);
      },
    );

    it.each(['UploadImage', 'PlanCheck', 'CheckImage'])(
      'is named by the restore, which leaves nothing in the cloud (%s)',
      async (state) => {
        await world.backUp();
        const input = { checkpoint: 'web@latest', name: 'again', check: true };

        const outcome = await world.run('restore', input, { onEvent: fromState(state, what) });

        // To read is enough for a restore, until it is checked.
        if (what === 'changes' && state === 'UploadImage') return;
        expect(outcomeName(outcome)).toMatch(/^(StoreRefused|States\.ResultWriterFailed)$/);
        expect(inCloud()).toEqual(['base', 'web']);
      },
    );
  },
);
