import { describe, expect, it } from 'vitest';
import { abandonCheckpoint } from '../../../../lib/bank/register/abandon-checkpoint.ts';
import { writeBasePointer } from '../../../../lib/bank/register/base-pointer.ts';
import { commitCheckpoint } from '../../../../lib/bank/register/commit-checkpoint.ts';
import { BackupInProgress } from '../../../../lib/bank/register/errors.ts';
import { basePointerKey, serverKeyOf } from '../../../../lib/bank/register/ids.ts';
import { listCheckpoints } from '../../../../lib/bank/register/list-checkpoints.ts';
import { openCheckpoint } from '../../../../lib/bank/register/open-checkpoint.ts';
import { pruneCheckpoint } from '../../../../lib/bank/register/prune-checkpoint.ts';
import { ancestorOf, type ExecutionProcess } from '../../../../lib/bank/register/record.ts';
import { readRecord, recordSeries } from '../../../../lib/bank/register/records.ts';
import { bury } from '../../../../lib/bank/register/series.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { faultyStore, seededFaults } from '../store/faulty-store.ts';
import { all, aRegister, aRoot, aServer, committed, opened } from './a-register.ts';

const bootImage = { cloud: 'keystone.example/v3', region: 'north', imageId: 'image' };
const HOUR = 3600 * 1000;

const process: ExecutionProcess = {
  host: 'host',
  bootId: 'boot',
  pidNamespace: 'pid:[1]',
  pid: 42,
  startTicks: '1234',
};

describe('openCheckpoint', () => {
  it('creates an OPEN record that names execution, server and lease', async () => {
    const register = aRegister();

    const record = await opened(register, 'e1', { summary: 'web-1', leaseSeconds: 600 });

    expect(record).toMatchObject({
      state: 'OPEN',
      server: aServer(),
      execution: { id: 'e1' },
      summary: 'web-1',
      pins: [],
      lease: { renewedAt: '2026-01-01T00:00:00.000Z', seconds: 600 },
    });
    expect(record.checkpoint).toMatch(/^[0-9a-f]{24}$/);
    expect(record.checkpoint.endsWith(serverKeyOf(register.nameKey, aServer()))).toBe(true);
  });

  it('adopts what the same execution opened, with a fresh lease and the process that goes on', async () => {
    const register = aRegister();
    const first = await opened(register, 'e1');
    await register.clock.advance(HOUR / 2);

    const second = await opened(register, 'e1', { execution: { id: 'e1', process } });

    expect(second.checkpoint).toBe(first.checkpoint);
    expect(second.createdAt).toBe(first.createdAt);
    expect(second.lease.renewedAt).toBe('2026-01-01T00:30:00.000Z');
    expect(second.execution.process).toEqual(process);
  });

  it('returns what the same execution committed', async () => {
    const register = aRegister();
    const done = await committed(register, 'e1');

    const again = await openCheckpoint(register, { execution: { id: 'e1' }, server: aServer() });

    expect(again).toEqual(done);
  });

  it('makes a new checkpoint where the one before was aborted, and where it was removed', async () => {
    const register = aRegister();
    const first = await opened(register, 'e1');
    await abandonCheckpoint(register, first.checkpoint, { reason: 'test' });
    const second = await opened(register, 'e1');
    await abandonCheckpoint(register, second.checkpoint, { reason: 'test' });
    await bury(recordSeries(register, first.checkpoint));

    const third = await opened(register, 'e1');

    expect(new Set([first, second, third].map(({ checkpoint }) => checkpoint)).size).toBe(3);
  });

  it('gives other servers and other executions other checkpoints', async () => {
    const register = aRegister();
    const one = await opened(register, 'e1');
    const other = await opened(register, 'e1', { server: aServer('server-2') });

    expect(other.checkpoint.slice(0, 16)).not.toBe(one.checkpoint.slice(0, 16));
    expect(other.checkpoint.slice(16)).not.toBe(one.checkpoint.slice(16));
  });

  describe('beside another execution', () => {
    it('gives way to one that is alive, and says which', async () => {
      const register = aRegister();
      const rival = await opened(register, 'e1');
      await register.clock.advance(60_000);

      const refusal = openCheckpoint(register, { execution: { id: 'e2' }, server: aServer() });

      await expect(refusal).rejects.toThrow(BackupInProgress);
      await expect(refusal).rejects.toMatchObject({
        identifiers: { checkpoint: rival.checkpoint, execution: 'e1' },
      });
      expect(await statesOf(register)).toEqual(['OPEN']);
    });

    it('waits a moment for one that has just come, and goes on when it has gone', async () => {
      const register = aRegister();
      const rival = await opened(register, 'e1');
      const waiting = opened(register, 'e2');
      await register.clock.sleep(600);
      await abandonCheckpoint(register, rival.checkpoint, { reason: 'test' });

      expect(await waiting).toMatchObject({ state: 'OPEN', execution: { id: 'e2' } });
    });

    it('goes on beside one whose lease ran out', async () => {
      const register = aRegister();
      await opened(register, 'e1', { leaseSeconds: 600 });
      await register.clock.advance(600_000);

      expect(await opened(register, 'e2')).toMatchObject({ state: 'OPEN' });
    });

    it('goes on at once beside one whose process is gone', async () => {
      const register = aRegister({ isProcessGone: ({ pid }) => Promise.resolve(pid === 42) });
      await opened(register, 'e1', { execution: { id: 'e1', process } });

      expect(await opened(register, 'e2')).toMatchObject({ state: 'OPEN' });
    });

    it('never is one of two that hold a checkpoint of the server', async () => {
      const register = aRegister();
      const executions = ['e1', 'e2', 'e3', 'e4', 'e5'];

      const outcomes = await Promise.allSettled(
        executions.map((execution) => opened(register, execution)),
      );

      const open = outcomes.filter(({ status }) => status === 'fulfilled');
      expect(open.length).toBeLessThanOrEqual(1);
      const states = await statesOf(register);
      expect(states.filter((state) => state === 'OPEN')).toHaveLength(open.length);
    });

    it('keeps what an earlier call of its execution opened, unless the other one stays', async () => {
      const register = aRegister();
      const mine = await opened(register, 'e1', { leaseSeconds: 600 });
      await register.clock.advance(600_000);
      const rival = await opened(register, 'e2');
      const adopting = opened(register, 'e1');
      await register.clock.sleep(600);
      await abandonCheckpoint(register, rival.checkpoint, { reason: 'test' });
      expect(await adopting).toMatchObject({ state: 'OPEN', checkpoint: mine.checkpoint });

      await register.clock.advance(600_000);
      await opened(register, 'e3');
      await register.clock.advance(60_000);

      await expect(opened(register, 'e1')).rejects.toThrow(BackupInProgress);
      expect(await readRecord(register, mine.checkpoint)).toMatchObject({
        value: { state: 'ABORTED' },
      });
    });
  });

  describe('chooses what to build on', () => {
    it("takes the server's newest by its own date, pinned and confirmed", async () => {
      const register = aRegister();
      for (const execution of ['e1', 'e2', 'e3', 'e4', 'e5']) {
        await committed(register, execution);
        await register.clock.advance(HOUR);
      }
      const newest = (await all(listCheckpoints(register)))
        .sort((one, other) => one.createdAt.localeCompare(other.createdAt))
        .at(-1);

      const record = await opened(register, 'e6', { bootImage });

      expect(ancestorOf(record)).toEqual({
        as: 'parent',
        checkpoint: newest?.checkpoint,
        root: aRoot(newest?.checkpoint),
        confirmed: true,
      });
    });

    it('takes nothing that is not COMMITTED', async () => {
      const register = aRegister();
      const pruned = await committed(register, 'e1');
      await pruneCheckpoint(register, pruned.checkpoint);

      expect((await opened(register, 'e2')).pins).toEqual([]);
    });

    it("takes the boot image's newest for a server's first", async () => {
      const register = aRegister();
      const base = await committed(register, 'e1', { server: aServer('server-2') });
      await writeBasePointer(register, bootImage, base.checkpoint);

      const record = await opened(register, 'e2', { bootImage });

      expect(ancestorOf(record)).toMatchObject({ as: 'base', checkpoint: base.checkpoint });
    });

    it('does without where the base pointer is nonsense, or names what is gone', async () => {
      const register = aRegister();
      const key = basePointerKey(register.nameKey, bootImage);
      await register.store.put(key, Buffer.from('{"version":0'));
      expect((await opened(register, 'e1', { bootImage })).pins).toEqual([]);
      await commitCheckpoint(register, (await opened(register, 'e1')).checkpoint, {
        root: aRoot(),
      });

      await writeBasePointer(register, bootImage, '0123456789abcdef01234567');
      const other = { server: aServer('server-2'), bootImage };

      expect((await opened(register, 'e2', other)).pins).toEqual([]);
    });

    it('takes the next when the one it pinned is pruned before it looks again', async () => {
      const register = aRegister();
      const older = await committed(register, 'e1');
      await register.clock.advance(HOUR);
      const newer = await committed(register, 'e2');
      let reads = 0;
      const store = faultyStore(register.store, () => undefined);
      const watched = aRegister({
        store: {
          ...store,
          async *list(prefix, options) {
            // The first look at that record by itself comes after the pin.
            if (prefix.includes(newer.checkpoint) && (reads += 1) === 1) {
              await pruneCheckpoint(register, newer.checkpoint);
            }
            yield* store.list(prefix, options);
          },
        },
      });

      const record = await opened(watched, 'e3');

      expect(ancestorOf(record)).toMatchObject({ checkpoint: older.checkpoint });
      expect(record.pins).toHaveLength(1);
    });
  });

  it('leaves a pin that another worker of the execution has confirmed, whatever it sees itself', async () => {
    const register = aRegister();
    const parent = await committed(register, 'e1');
    let isFirst = true;
    const store: ObjectStore = {
      ...register.store,
      async *list(prefix, options) {
        if (isFirst && prefix.includes(parent.checkpoint)) {
          isFirst = false;
          await opened(register, 'e2');
          await pruneCheckpoint(register, parent.checkpoint);
        }
        yield* register.store.list(prefix, options);
      },
    };

    const slow = await opened({ ...register, store }, 'e2');

    expect(ancestorOf(slow)).toMatchObject({ checkpoint: parent.checkpoint });
  });

  it.each([1, 2, 3])(
    'ends in one open record whatever answers are lost (seed %i)',
    async (seed) => {
      const register = aRegister();
      await committed(register, 'e1');
      const faults = seededFaults(seed, 0.1, ['before', 'after']);
      const shaky = aRegister({ store: faultyStore(register.store, faults) });

      let record: Awaited<ReturnType<typeof opened>> | undefined;
      for (let tries = 0; record === undefined && tries < 100; tries++) {
        record = await opened(shaky, 'e2').catch(() => undefined);
      }

      expect(record).toMatchObject({ state: 'OPEN' });
      expect((await statesOf(register)).sort()).toEqual(['COMMITTED', 'OPEN']);
    },
  );
});

async function statesOf(register: ReturnType<typeof aRegister>): Promise<string[]> {
  return (await all(listCheckpoints(register))).map(({ state }) => state);
}
