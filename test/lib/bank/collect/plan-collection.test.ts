import { describe, expect, it } from 'vitest';
import { RegisterLost } from '../../../../lib/bank/errors.ts';
import { deleteListed } from '../../../../lib/bank/collect/delete-collected.ts';
import { CollectionOvertaken, RootMissing } from '../../../../lib/bank/collect/errors.ts';
import { abandonCheckpoint } from '../../../../lib/bank/register/abandon-checkpoint.ts';
import { claimCheckpoint, endClaim, replaceRoot } from '../../../../lib/bank/register/claim.ts';
import {
  buryRecord,
  pruneCheckpoint,
  undeleteCheckpoint,
} from '../../../../lib/bank/register/prune-checkpoint.ts';
import { openPin } from '../../../../lib/bank/register/reader-pin.ts';
import type { OpenRecord } from '../../../../lib/bank/register/record.ts';
import { readRecord } from '../../../../lib/bank/register/records.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { all, aServer, opened } from '../register/a-register.ts';
import {
  CollectedBank,
  executionsInOrder,
  type Meanwhile,
  once,
  rootOf,
  sized,
  UNDELETE_SECONDS,
} from './a-collection.ts';

const HOUR = 3600 * 1000;

describe('a collection', () => {
  it('keeps what checkpoints name, and deletes what none does', async () => {
    const world = new CollectedBank();
    const kept = await world.backUp('e1');
    const aborted = await opened(world.register, 'e2');
    await world.write(aborted);
    await abandonCheckpoint(world.register, aborted.checkpoint, { reason: 'test' });
    await world.bank.put(`packs/${kept}/0-0-late-0`, new Uint8Array(50));

    const plan = await world.plan();
    await world.delete(plan);

    expect(plan).toMatchObject({
      listed: { objects: 7 },
      dead: { objects: 4 },
      graves: { checkpoints: [aborted.checkpoint] },
    });
    expect(plan.deadKeys).toHaveLength(4);
    expect(await world.isWhole(kept)).toBe(true);
    expect(await world.owners()).toEqual(new Set([kept]));
    expect(await readRecord(world.register, aborted.checkpoint)).toMatchObject({ kind: 'buried' });
  });

  it('finds nothing the second time', async () => {
    const world = new CollectedBank();
    await world.giveUp(await world.backUp('e1'));
    await world.collect();

    expect(await world.plan()).toMatchObject({ dead: { objects: 0 }, graves: { checkpoints: [] } });
  });

  it("keeps a parent's packs for its children, and only those", async () => {
    const world = new CollectedBank();
    const parent = await world.backUp('e1');
    await world.register.clock.advance(HOUR);
    const child = await world.backUp('e2');
    await world.giveUp(parent);

    await world.collect();

    expect(await world.isWhole(child)).toBe(true);
    expect(await world.bank.size(rootOf(parent).key)).toBeUndefined();
    expect(await world.owners()).toEqual(new Set([parent, child]));
  });

  it('takes up what was pruned when the time to bring it back is over, and not before', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    await pruneCheckpoint(world.register, checkpoint);
    await world.register.clock.advance(UNDELETE_SECONDS * 1000 - 1);
    expect(await world.plan()).toMatchObject({ dead: { objects: 0 }, graves: { checkpoints: [] } });
    await undeleteCheckpoint(world.register, checkpoint);
    await pruneCheckpoint(world.register, checkpoint);
    await world.register.clock.advance(UNDELETE_SECONDS * 1000 - 1);
    expect(await world.plan()).toMatchObject({ dead: { objects: 0 } });

    await world.register.clock.advance(1);
    await world.collect();

    expect(await world.owners()).toEqual(new Set());
  });

  it('fences what ran out: open checkpoints and pins', async () => {
    const world = new CollectedBank();
    const pruned = await world.backUp('e1');
    const execution = { id: 'restore' };
    const pin = await openPin(world.register, { checkpoint: pruned, execution, leaseSeconds: 60 });
    await world.giveUp(pruned);
    const open = await opened(world.register, 'e2', { leaseSeconds: 120 });
    await world.write(open);
    expect(await world.plan()).toMatchObject({ dead: { objects: 0 } });

    await world.register.clock.advance(60_000);
    expect(await world.plan()).toMatchObject({ graves: { pins: [pin.id] }, dead: { objects: 3 } });
    await world.register.clock.advance(60_000);

    expect(await world.plan()).toMatchObject({
      fencedCheckpoints: [open.checkpoint],
      graves: { pins: [pin.id] },
      dead: { objects: 6 },
    });
  });

  it('changes nothing where it only estimates, and finds what it would find', async () => {
    const world = new CollectedBank();
    const pruned = await world.backUp('e1');
    const execution = { id: 'restore' };
    await openPin(world.register, { checkpoint: pruned, execution, leaseSeconds: 60 });
    await pruneCheckpoint(world.register, pruned);
    const open = await opened(world.register, 'e2', { leaseSeconds: 60 });
    await world.write(open);
    await world.register.clock.advance(UNDELETE_SECONDS * 1000);
    const before = await keysOf(world.register.store);

    const estimate = await world.estimate();

    expect(await keysOf(world.register.store)).toEqual(before);
    expect(estimate).toMatchObject({ dead: { objects: 6 } });
    expect(await world.plan()).toMatchObject(estimate);
  });

  it('finds the same when it is stopped again and again, and goes on elsewhere', async () => {
    const world = new CollectedBank();
    for (let server = 0; server < 12; server++) {
      const checkpoint = await world.backUp('e1', { server: aServer(`server-${server}`) });
      if (server % 2 === 0) await world.giveUp(checkpoint);
    }
    const graves = await world.backUp('e2');
    await world.giveUp(graves);
    await world.delete(await world.plan());
    await world.giveUp(await world.backUp('e3', { server: aServer('server-1') }));
    await openPin(world.register, { checkpoint: await world.backUp('e4'), execution: { id: 'r' } });
    let asked = 0;

    const whole = await world.plan();
    const { pieces, ...inPieces } = await world.planInPieces(() => asked++ % 9 === 8);

    expect(pieces).toBeGreaterThan(5);
    expect(inPieces).toEqual(whole);
    expect(whole.deadKeys).toHaveLength(3);
  });

  it('keeps what a compaction wrote while one of its claims stands', async () => {
    const world = new CollectedBank();
    const first = await world.backUp('e1');
    await world.register.clock.advance(HOUR);
    const second = await world.backUp('e2');
    const claim = await claimed(world, second, { writesAs: first });
    const shared = `packs/${first}/0-0-compacted-0`;
    await world.bank.put(shared, new Uint8Array(10));
    await world.bank.put(`roots/${second}-compacted`, new Uint8Array(10));
    expect((await world.plan()).deadKeys).toEqual([]);

    await endClaim(world.register, second, { id: claim });

    expect((await world.plan()).deadKeys).toEqual([shared, `roots/${second}-compacted`]);
  });

  it('ends a claim whose lease ran out, so that its root is never replaced', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    const id = await claimed(world, checkpoint);
    await world.register.clock.advance(HOUR);

    await world.plan();

    const root = { key: `roots/${checkpoint}-compacted`, digest: rootOf(checkpoint).digest };
    expect(await replaceRoot(world.register, checkpoint, { id, root })).toBe(false);
    expect(await readRecord(world.register, checkpoint)).toMatchObject({
      value: { state: 'COMMITTED', root: rootOf(checkpoint) },
    });
  });

  it('finds the packs of which little is needed, and none that somebody holds as they are', async () => {
    const world = new CollectedBank();
    const [used, sparse, pinned, pruned] = [1, 2, 3, 4].map((n) => aServer(`server-${n}`));
    const packs = new Map<string, string>();
    for (const [server, usedBytes] of [
      [used, 95],
      [sparse, 5],
      [pinned, 5],
      [pruned, 5],
    ] as const) {
      const checkpoint = await world.backUp('e1', { ...(server && { server }) });
      const pack = `packs/${checkpoint}/0-0-a-0`;
      world.usedBytes.set(pack, usedBytes);
      packs.set(server?.serverId ?? '', pack);
      if (server === pinned) {
        await openPin(world.register, { checkpoint, execution: { id: 'restore' } });
      }
      if (server === pruned) await pruneCheckpoint(world.register, checkpoint);
    }

    const { sparseKeys, sparseness } = await world.plan();

    expect(sparseKeys).toEqual([packs.get('server-2')]);
    expect(sparseness).toMatchObject({ packBytes: 400, wasteBytes: 290 });
  });

  it('never deletes what snapbank did not write', async () => {
    const world = new CollectedBank();
    for (const key of ['packs/note.txt', 'roots/readme', 'bank.json', 'keys/a/0000000000']) {
      await world.bank.put(key, new Uint8Array(1));
    }

    expect((await world.collect()).deadKeys).toEqual([]);
    expect(await world.bank.size('packs/note.txt')).toBe(1);
  });

  it('stops where the register has forgotten a checkpoint that has objects', async () => {
    const world = new CollectedBank();
    const forgotten = await world.backUp('e1');
    await world.backUp('e1', { server: aServer('server-2') });
    const key = `records/${forgotten.slice(16)}/${forgotten}/`;
    await world.register.store.delete([`${key}0000000000`, `${key}0000000001`]);

    await expect(world.plan()).rejects.toThrow(RegisterLost);
    await expect(world.plan()).rejects.toThrow(forgotten);
  });

  it('stops where a checkpoint names a root that is gone', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    await world.bank.delete([rootOf(checkpoint).key]);

    await expect(world.plan()).rejects.toThrow(RootMissing);
    await pruneCheckpoint(world.register, checkpoint);
    await expect(world.plan()).rejects.toThrow(RootMissing);
  });
});

/* Each of these is a trace that the model finds where a rule is left out: node test/model/run.ts --without all. */
describe('a collection, while other things happen,', () => {
  it('keeps what was written after it listed', async () => {
    const world = new CollectedBank();
    let late = '';

    await world.collect(
      once('register: list records/', async () => {
        late = await world.backUp('e1');
      }),
    );

    expect(await world.isWhole(late)).toBe(true);
  });

  it('sees in pass B a pin that pass A came too early for', async () => {
    const world = new CollectedBank();
    const parent = await world.backUp('e1');
    let child = '';

    // Pass A reads the list of records before the child's is there; then its parent is given up.
    await world.collect(
      beforePassB(async () => {
        const record = await opened(world.register, 'e2');
        await world.giveUp(parent);
        await world.write(record);
        await world.commit(record);
        child = record.checkpoint;
      }),
    );

    expect(await world.isWhole(child)).toBe(true);
  });

  it('keeps for one run what is given up after pass A', async () => {
    const world = new CollectedBank();
    const [last = '', middle = '', between = '', first = ''] = executionsInOrder(world.register, 4);
    const old = await world.backUp(between);
    await world.register.clock.advance(HOUR);
    const grandparent = await world.backUp(first);
    let parent: string | undefined;
    let child: string | undefined;

    await world.collect(async (call) => {
      // Where pass A has gone by, the parent is made, and then the grandparent is given up.
      if (parent === undefined && call === `register: list records/ after ${lastKeyOf(old)}`) {
        const record = await opened(world.register, middle);
        parent = record.checkpoint;
        await world.giveUp(grandparent);
        await world.write(record);
        await world.commit(record);
        await world.register.clock.advance(HOUR / 2);
        // Where pass B has gone by, the child is made, and then the parent is given up.
      } else if (
        child === undefined &&
        call === `register: list records/ after ${firstKeyOf(parent)}`
      ) {
        const record = await opened(world.register, last);
        child = record.checkpoint;
        await world.giveUp(parent ?? '');
        await world.write(record);
        await world.commit(record);
      }
    });

    expect(await world.isWhole(child ?? '')).toBe(true);
    await world.collect();
    expect(await world.isWhole(child ?? '')).toBe(true);
  });

  it("reads a record again whose pin's root is gone: it was committed meanwhile", async () => {
    const world = new CollectedBank();
    const [second = '', between = '', first = ''] = executionsInOrder(world.register, 3);
    const old = await world.backUp(between);
    await world.register.clock.advance(HOUR);
    const parent = await world.backUp(first);
    let child: OpenRecord | undefined;
    let isDeleted = false;

    await world.collect(async (call) => {
      if (child === undefined && call === `register: list records/ after ${lastKeyOf(old)}`) {
        child = await opened(world.register, second);
        await world.write(child);
        await world.giveUp(parent);
        // Another collector finds the child COMMITTED: nothing keeps the parent's root then.
      } else if (child !== undefined && !isDeleted && call === `bank: get ${rootOf(parent).key}`) {
        isDeleted = true;
        await world.commit(child);
        await world.collect();
        expect(await world.bank.size(rootOf(parent).key)).toBeUndefined();
      }
    });

    expect(isDeleted).toBe(true);
    expect(await world.isWhole(child?.checkpoint ?? '')).toBe(true);
  });

  it.each([
    ['has buried', false],
    ['has not yet buried', true],
  ])(
    'gives up where it would have learned from a record that another one %s',
    async (_, diesBeforeBurial) => {
      const world = new CollectedBank();
      const [last = '', middle = '', between = '', first = ''] = executionsInOrder(
        world.register,
        4,
      );
      const old = await world.backUp(between);
      await world.register.clock.advance(HOUR);
      const grandparent = await world.backUp(first);
      let parent: string | undefined;
      let child: string | undefined;

      const collection = world.collect(async (call) => {
        if (parent === undefined && call === `register: list records/ after ${lastKeyOf(old)}`) {
          const record = await opened(world.register, middle);
          parent = record.checkpoint;
          await world.giveUp(grandparent);
          await world.write(record);
          await world.commit(record);
          await world.register.clock.advance(HOUR / 2);
        } else if (
          child === undefined &&
          call === `register: list records/ after ${firstKeyOf(parent)}`
        ) {
          const record = await opened(world.register, last);
          child = record.checkpoint;
          await world.giveUp(parent ?? '');
          await world.write(record);
          await world.commit(record);
          const other = await world.plan();
          if (diesBeforeBurial) {
            await deleteListed({ bank: world.bank, objects: sized(other.deadKeys) });
          } else await world.delete(other);
        }
      });

      await expect(collection).rejects.toThrow(CollectionOvertaken);
      expect(await world.isWhole(child ?? '')).toBe(true);
      await world.collect();
      expect(await world.isWhole(child ?? '')).toBe(true);
    },
  );

  it('gives up where another one removes what this one reads', async () => {
    const world = new CollectedBank();
    const pruned = await world.backUp('e1');

    const collection = world.collect(
      once(`bank: get ${rootOf(pruned).key}`, async () => {
        await world.giveUp(pruned);
        await world.collect();
      }),
    );

    await expect(collection).rejects.toThrow(CollectionOvertaken);
    expect(await world.owners()).toEqual(new Set());
  });

  it('does not mind a pin whose writer has not looked again, on what was collected before', async () => {
    const world = new CollectedBank();
    const parent = await world.backUp('e1');
    const slow = {
      ...world.register,
      store: {
        ...world.register.store,
        putIfAbsent: async (key: string, body: Uint8Array) => {
          if (key.endsWith('/0000000000')) {
            await world.giveUp(parent);
            await world.collect();
          }
          const created = await world.register.store.putIfAbsent(key, body);
          if (key.endsWith('/0000000000')) await world.collect();
          return created;
        },
      },
    };

    const child = await opened(slow, 'e2');

    expect(child.pins).toEqual([]);
  });

  it('keeps what a reader has pinned, also when its checkpoint is given up then', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    await openPin(world.register, { checkpoint, execution: { id: 'restore' } });
    await world.giveUp(checkpoint);

    await world.collect();
    await world.collect();

    expect(await world.isWhole(checkpoint)).toBe(true);
  });

  it('does not fence who renewed meanwhile', async () => {
    const world = new CollectedBank();
    const record = await opened(world.register, 'e1', { leaseSeconds: 60 });
    await world.write(record);
    await world.register.clock.advance(60_000);
    const key = `records/${record.checkpoint.slice(16)}/${record.checkpoint}/0000000000`;

    await world.collect(
      once(`register: get ${key}`, async () => {
        await opened(world.register, 'e1');
      }),
    );

    await world.commit(record);
    expect(await world.isWhole(record.checkpoint)).toBe(true);
  });

  it('gives up where a compaction replaced a root between its passes', async () => {
    const world = new CollectedBank();
    const checkpoint = await world.backUp('e1');
    const id = await claimed(world, checkpoint);
    const root = { key: `roots/${checkpoint}-compacted`, digest: rootOf(checkpoint).digest };
    await world.bank.put(root.key, Buffer.from('[]'));

    const collection = world.collect(
      beforePassB(async () => {
        // A child pins the old root, and the list of pass B might not show its record.
        expect(await replaceRoot(world.register, checkpoint, { id, root })).toBe(true);
      }),
    );

    await expect(collection).rejects.toThrow(CollectionOvertaken);
    expect((await world.collect()).deadKeys).toHaveLength(3);
  });

  it('leaves the dead to another collector that buries them first', async () => {
    const world = new CollectedBank();
    const { checkpoint } = await opened(world.register, 'e1');
    await abandonCheckpoint(world.register, checkpoint, { reason: 'test' });
    const plan = await world.plan();
    await buryRecord(world.register, checkpoint);

    await world.delete(plan);

    expect(await readRecord(world.register, checkpoint)).toMatchObject({ kind: 'buried' });
  });
});

/** Claims the checkpoint, and returns the claim's id. */
async function claimed(
  { register }: CollectedBank,
  checkpoint: string,
  { writesAs = checkpoint } = {},
): Promise<string> {
  const head = await readRecord(register, checkpoint);
  if (head.kind !== 'live' || head.value.state !== 'COMMITTED') throw new Error('Not COMMITTED.');
  const id = register.randomHex(16);
  const claim = { id, execution: { id: 'compaction' }, writesAs, asSeen: head.value };
  expect(await claimCheckpoint(register, claim)).toBe(true);
  return id;
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  return (await all(store.list(''))).map(({ key }) => key);
}

function beforePassB(act: () => Promise<void>): Meanwhile {
  let passes = 0;
  return (call) => {
    if (call !== 'register: list records/') return undefined;
    passes += 1;
    return passes === 2 ? act() : undefined;
  };
}

/** Where the list of a record's generations begins, and where it ends for one that was created and committed. */
function firstKeyOf(checkpoint: string | undefined): string {
  return `records/${checkpoint?.slice(16)}/${checkpoint}/0000000000`;
}

function lastKeyOf(checkpoint: string): string {
  return firstKeyOf(checkpoint).replace(/0$/, '1');
}
