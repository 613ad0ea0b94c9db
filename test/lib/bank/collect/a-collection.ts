import { CollectionState } from '../../../../lib/bank/collect/collection-state.ts';
import { buryDead, deleteListed } from '../../../../lib/bank/collect/delete-collected.ts';
import {
  type CollectionEstimate,
  type CollectionRequest,
  estimateOf,
  markLive,
  SHARES,
  sortedObjects,
} from '../../../../lib/bank/collect/plan-collection.ts';
import { checkpointIdOf } from '../../../../lib/bank/register/ids.ts';
import { commitCheckpoint } from '../../../../lib/bank/register/commit-checkpoint.ts';
import type { CheckpointRequest } from '../../../../lib/bank/register/open-checkpoint.ts';
import {
  pruneCheckpoint,
  startCollecting,
} from '../../../../lib/bank/register/prune-checkpoint.ts';
import { ancestorOf, type OpenRecord } from '../../../../lib/bank/register/record.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import {
  all,
  aRegister,
  aRoot,
  aServer,
  opened,
  type TestRegister,
} from '../register/a-register.ts';
import { memoryStore } from '../store/memory-store.ts';

export const UNDELETE_SECONDS = 3600;

/** Names of executions whose first checkpoints of `aServer` lie in this order in the register. */
export function executionsInOrder(register: TestRegister, count: number): string[] {
  const id = (execution: string) => checkpointIdOf(register.nameKey, execution, aServer(), 0);
  return Array.from({ length: count }, (_, index) => `execution-${index}`).sort((one, other) =>
    id(one) < id(other) ? -1 : 1,
  );
}

/** What a collection found. */
export interface TestPlan extends CollectionEstimate {
  readonly deadKeys: readonly string[];
  readonly sparseKeys: readonly string[];
  readonly graves: { readonly checkpoints: readonly string[]; readonly pins: readonly string[] };
  readonly fencedCheckpoints: readonly string[];
}

/** What happens at calls of the collector, by what is done and to which key. */
export type Meanwhile = (call: string) => Promise<void> | undefined;

/** A bank whose roots are JSON lists of keys, and a collector on it at whose calls something can happen. */
export class CollectedBank {
  readonly register: TestRegister = aRegister();
  readonly bank: ObjectStore = memoryStore({ location: 'memory:bank' });

  /** How much of a pack is needed, where it is not all of its 100 bytes. */
  readonly usedBytes = new Map<string, number>();

  async backUp(execution: string, more: Partial<CheckpointRequest> = {}): Promise<string> {
    const record = await opened(this.register, execution, more);
    await this.write(record);
    await this.commit(record);
    return record.checkpoint;
  }

  /** Puts a pack, a segment and a root for an open checkpoint. The root names what its ancestor's names too. */
  async write({ checkpoint, pins }: OpenRecord): Promise<void> {
    const own = [`packs/${checkpoint}/0-0-a-0`, `segments/${checkpoint}/0-0-a`];
    for (const key of own) await this.bank.put(key, new Uint8Array(100));
    const ancestor = ancestorOf({ pins } as OpenRecord);
    const inherited = ancestor === undefined ? [] : await this.namesIn(ancestor.root.key);
    const names = JSON.stringify([...own, ...inherited]);
    await this.bank.put(rootOf(checkpoint).key, Buffer.from(names));
  }

  async commit({ checkpoint }: { checkpoint: string }): Promise<void> {
    await commitCheckpoint(this.register, checkpoint, { root: rootOf(checkpoint) });
  }

  /** Marks for deletion, and gives to the collectors at once. */
  async giveUp(checkpoint: string): Promise<void> {
    await startCollecting(this.register, await pruneCheckpoint(this.register, checkpoint));
  }

  async plan(meanwhile?: Meanwhile): Promise<TestPlan> {
    return await this.#planOf(this.#request(meanwhile));
  }

  async estimate(): Promise<TestPlan> {
    return await this.#planOf({ ...this.#request(), dryRun: true });
  }

  /** Stops and goes on, with the state written down and read again, as often as it is told to stop. */
  async planInPieces(mustStop: () => boolean): Promise<TestPlan & { pieces: number }> {
    const request = { ...this.#request(), mustStop };
    for (let pieces = 1, state = new CollectionState(); ; pieces++) {
      if (await markLive(request, state)) return { ...(await this.#planIn(state)), pieces };
      state = CollectionState.decode(Buffer.concat([...state.encode()]));
    }
  }

  async collect(meanwhile?: Meanwhile): Promise<TestPlan> {
    const plan = await this.plan(meanwhile);
    await this.delete(plan);
    return plan;
  }

  async delete(plan: TestPlan): Promise<void> {
    await deleteListed({ bank: this.bank, objects: sized(plan.deadKeys) });
    await buryDead(this.register, plan.graves);
  }

  async #planOf(request: CollectionRequest): Promise<TestPlan> {
    const state = new CollectionState();
    if (!(await markLive(request, state))) throw new Error('Nobody told it to stop.');
    return await this.#planIn(state);
  }

  async #planIn(state: CollectionState): Promise<TestPlan> {
    const sorted: { key: string; as: string }[] = [];
    for (const share of SHARES) sorted.push(...(await all(sortedObjects(this.bank, state, share))));
    const graves = state.graves();
    const keysAs = (as: string) => sorted.filter((one) => one.as === as).map(({ key }) => key);
    return {
      ...estimateOf(state),
      deadKeys: keysAs('dead'),
      sparseKeys: keysAs('sparse'),
      graves: { checkpoints: graves.checkpoints.sort(), pins: graves.pins.sort() },
      fencedCheckpoints: [...state.fencedCheckpoints].sort(),
    };
  }

  async namesIn(root: string): Promise<string[]> {
    return parsed(await this.bank.get(root));
  }

  /** Checkpoints that have objects of their own in the bank. */
  async owners(): Promise<Set<string>> {
    const packs = await all(this.bank.list('packs/'));
    return new Set(packs.map(({ key }) => key.split('/')[1] ?? ''));
  }

  async isWhole(checkpoint: string): Promise<boolean> {
    const root = rootOf(checkpoint).key;
    if ((await this.bank.size(root)) === undefined) return false;
    const sizes = (await this.namesIn(root)).map((key) => this.bank.size(key));
    return (await Promise.all(sizes)).every((size) => size !== undefined);
  }

  #request(meanwhile: Meanwhile = () => undefined): CollectionRequest {
    const bank = watched(this.bank, 'bank', meanwhile);
    return {
      bank,
      register: { ...this.register, store: watched(this.register.store, 'register', meanwhile) },
      namesIn: async ({ key }) =>
        parsed(await bank.get(key)).map((name) => ({
          key: name,
          usedBytes: this.usedBytes.get(name) ?? 100,
        })),
      undeleteSeconds: UNDELETE_SECONDS,
    };
  }
}

/** As a page of the list has them. */
export function sized(keys: readonly string[]): [string, number][] {
  return keys.map((key) => [key, 1]);
}

export function rootOf(checkpoint: string): { key: string; digest: string } {
  const { digest } = aRoot(checkpoint);
  return { key: `roots/${checkpoint}-a`, digest };
}

/** Lets something happen the first time that a call is made. */
export function once(call: string, act: () => Promise<void>): Meanwhile {
  let isDone = false;
  return (made) => {
    if (isDone || made !== call) return undefined;
    isDone = true;
    return act();
  };
}

function watched(store: ObjectStore, place: string, meanwhile: Meanwhile): ObjectStore {
  return {
    ...store,
    get: async (key, options) => {
      await meanwhile(`${place}: get ${key}`);
      return await store.get(key, options);
    },
    // Pages of one key: what is created on a page that was shown already is not seen.
    async *list(prefix, options) {
      let startAfter = options?.startAfter ?? '';
      for (;;) {
        await meanwhile(
          `${place}: list ${prefix}${startAfter === '' ? '' : ` after ${startAfter}`}`,
        );
        const [object] = await firstOf(store.list(prefix, { ...options, startAfter }));
        if (object === undefined) return;
        yield object;
        startAfter = object.key;
      }
    },
  };
}

async function firstOf<Item>(items: AsyncIterable<Item>): Promise<[Item?]> {
  for await (const item of items) return [item];
  return [];
}

function parsed(bytes: Uint8Array): string[] {
  return JSON.parse(Buffer.from(bytes).toString()) as string[];
}
