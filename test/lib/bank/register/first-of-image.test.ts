import { describe, expect, it } from 'vitest';
import { abandonCheckpoint } from '../../../../lib/bank/register/abandon-checkpoint.ts';
import { readBasePointer, writeBasePointer } from '../../../../lib/bank/register/base-pointer.ts';
import { commitCheckpoint } from '../../../../lib/bank/register/commit-checkpoint.ts';
import { BaseInProgress } from '../../../../lib/bank/register/errors.ts';
import { basePointerKey } from '../../../../lib/bank/register/ids.ts';
import { pruneCheckpoint } from '../../../../lib/bank/register/prune-checkpoint.ts';
import { ancestorOf } from '../../../../lib/bank/register/record.ts';
import { aRegister, aRoot, aServer, committed, opened } from './a-register.ts';

const bootImage = { cloud: 'keystone.example/v3', region: 'north', imageId: 'image' };

/** Servers 1, 2, … of the image, which wait for its base. */
const first = (server: number) => ({
  server: aServer(`server-${String(server)}`),
  bootImage,
  waitForBase: true,
});

describe('of servers of one boot image that are backed up for the first time', () => {
  it('exactly one goes first, and the others say for whom they wait', async () => {
    const register = aRegister();

    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((server) => opened(register, 'e1', first(server))),
    );

    const went = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
    expect(went).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      expect(outcome.reason).toBeInstanceOf(BaseInProgress);
      expect(outcome.reason).toMatchObject({ identifiers: { checkpoint: went[0]?.checkpoint } });
    }
  });

  it('the others build on it once it is COMMITTED', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1', first(1));
    await expect(opened(register, 'e1', first(2))).rejects.toThrow(BaseInProgress);
    await commitCheckpoint(register, checkpoint, { root: aRoot() });

    const record = await opened(register, 'e1', first(2));

    expect(ancestorOf(record)).toMatchObject({ as: 'base', checkpoint });
  });

  it('another one goes first when it failed, or died', async () => {
    const register = aRegister();
    const failed = await opened(register, 'e1', first(1));
    await abandonCheckpoint(register, failed.checkpoint, { reason: 'test' });
    const dying = await opened(register, 'e1', { ...first(2), leaseSeconds: 600 });
    await expect(opened(register, 'e1', first(3))).rejects.toThrow(BaseInProgress);
    await register.clock.advance(600_000);

    const third = await opened(register, 'e1', first(3));

    expect(dying.pins).toEqual([]);
    expect(third.pins).toEqual([]);
    expect(await readBasePointer(register, bootImage)).toMatchObject({
      checkpoint: third.checkpoint,
    });
  });

  it('one that named itself and never came is waited for a minute', async () => {
    const register = aRegister();
    await writeBasePointer(register, bootImage, '0123456789abcdef01234567');
    await expect(opened(register, 'e1', first(1))).rejects.toThrow(BaseInProgress);
    await register.clock.advance(60_000);

    expect(await opened(register, 'e1', first(1))).toMatchObject({ state: 'OPEN', pins: [] });
  });

  it('none waits where the base was pruned, or the pointer is nonsense', async () => {
    const register = aRegister();
    const base = await committed(register, 'e0', { server: aServer('server-0') });
    await writeBasePointer(register, bootImage, base.checkpoint);
    await pruneCheckpoint(register, base.checkpoint);
    const one = await opened(register, 'e1', first(1));
    await abandonCheckpoint(register, one.checkpoint, { reason: 'test' });
    await register.store.put(basePointerKey(register.nameKey, bootImage), Buffer.from('{'));

    expect(await opened(register, 'e1', first(2))).toMatchObject({ state: 'OPEN', pins: [] });
  });

  it('none waits that is asked not to, has a checkpoint of its own, or is open already', async () => {
    const register = aRegister();
    await committed(register, 'e0', { server: aServer('server-2') });
    const { checkpoint } = await opened(register, 'e1', first(1));

    const hasOne = await opened(register, 'e1', first(2));
    const isImpatient = await opened(register, 'e1', { ...first(3), waitForBase: false });
    const goesOn = await opened(register, 'e1', first(1));

    expect(ancestorOf(hasOne)).toMatchObject({ as: 'parent' });
    expect(isImpatient.pins).toEqual([]);
    expect(goesOn.checkpoint).toBe(checkpoint);
  });
});
