import { generateKeySync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { abandonCheckpoint } from '../../../../lib/bank/register/abandon-checkpoint.ts';
import { commitCheckpoint } from '../../../../lib/bank/register/commit-checkpoint.ts';
import {
  CheckpointFenced,
  CheckpointNotFound,
  CheckpointStateRefused,
  RecordUnreadable,
} from '../../../../lib/bank/register/errors.ts';
import { leaseKeeper, renewLease } from '../../../../lib/bank/register/lease.ts';
import {
  buryRecord,
  noteProof,
  pruneCheckpoint,
  startCollecting,
  undeleteCheckpoint,
} from '../../../../lib/bank/register/prune-checkpoint.ts';
import { readRecord, writeRecord } from '../../../../lib/bank/register/records.ts';
import { encodeSigned } from '../../../../lib/bank/register/signed-json.ts';
import { faultyStore } from '../store/faulty-store.ts';
import { flipped } from '../tamper.ts';
import { aRegister, aRoot, committed, opened } from './a-register.ts';

const HOUR = 3600 * 1000;
const NOWHERE = '0123456789abcdef01234567';

describe('a lease', () => {
  it('is renewed when less than half of it is left, and not before', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    await register.clock.advance(HOUR / 2 - 1);
    expect((await renewLease(register, checkpoint)).lease.renewedAt).toBe(
      '2026-01-01T00:00:00.000Z',
    );

    await register.clock.advance(2);

    expect((await renewLease(register, checkpoint)).lease.renewedAt).toBe(
      '2026-01-01T00:30:00.001Z',
    );
    expect((await readRecord(register, checkpoint)).generation).toBe(1);
  });

  it('is renewed once by many workers at once', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    await register.clock.advance(HOUR * 0.6);

    await Promise.all(Array.from({ length: 20 }, () => renewLease(register, checkpoint)));

    expect((await readRecord(register, checkpoint)).generation).toBe(1);
  });

  it('is looked after by a keeper that asks the register only when it must', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    let calls = 0;
    const store = faultyStore(register.store, () => {
      calls += 1;
      return undefined;
    });
    const keep = leaseKeeper({ ...register, store }, checkpoint);
    await keep();
    const callsOfOne = calls;
    await keep();
    await keep();
    expect(calls).toBe(callsOfOne);

    await register.clock.advance(HOUR * 0.6);
    await keep();

    expect((await readRecord(register, checkpoint)).generation).toBe(1);
  });

  it.each([
    ['aborted', 'ABORTED'],
    ['committed by another worker', 'COMMITTED'],
  ])('is not renewed for a checkpoint that was %s', async (_, state) => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    if (state === 'ABORTED') await abandonCheckpoint(register, checkpoint, { reason: 'test' });
    else await commitCheckpoint(register, checkpoint, { root: aRoot() });

    await expect(renewLease(register, checkpoint)).rejects.toThrow(CheckpointFenced);
    await expect(renewLease(register, checkpoint)).rejects.toThrow(state);
    await expect(renewLease(register, NOWHERE)).rejects.toThrow('does not exist');
  });
});

describe('commitCheckpoint', () => {
  it('makes the record COMMITTED with its root and summary', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1', { summary: 'web-1' });
    await register.clock.advance(60_000);
    // A reference as the writers of objects give it.
    const root = { ...aRoot(), sizeBytes: 17 };

    const record = await commitCheckpoint(register, checkpoint, { root, summary: 'web-1, 5 GB' });

    expect(record).toMatchObject({
      state: 'COMMITTED',
      root: aRoot(),
      summary: 'web-1, 5 GB',
      createdAt: '2026-01-01T00:00:00.000Z',
      since: '2026-01-01T00:01:00.000Z',
    });
    expect(await readRecord(register, checkpoint)).toMatchObject({ value: record });
    expect(record).not.toHaveProperty('lease');
  });

  it('keeps the summary that the record was opened with', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1', { summary: 'web-1' });

    expect(await commitCheckpoint(register, checkpoint, { root: aRoot() })).toMatchObject({
      summary: 'web-1',
    });
  });

  it('commits once: whoever asks again gets the root that won', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    await commitCheckpoint(register, checkpoint, { root: aRoot('first') });

    const again = await commitCheckpoint(register, checkpoint, { root: aRoot('second') });
    expect(again.root).toEqual(aRoot('first'));

    await pruneCheckpoint(register, checkpoint);
    const later = await commitCheckpoint(register, checkpoint, { root: aRoot('second') });
    expect(later).toMatchObject({ state: 'DELETING', root: aRoot('first') });
  });

  it('fails for a checkpoint that was fenced, removed, or never there', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    await abandonCheckpoint(register, checkpoint, { reason: 'its lease ran out' });
    const commit = (of: string) => commitCheckpoint(register, of, { root: aRoot() });

    await expect(commit(checkpoint)).rejects.toThrow(CheckpointFenced);
    await expect(commit(checkpoint)).rejects.toThrow('its lease ran out');
    await buryRecord(register, checkpoint);
    await expect(commit(checkpoint)).rejects.toThrow('has been removed');
    await expect(commit(NOWHERE)).rejects.toThrow(CheckpointFenced);
  });

  it('wins or loses against a fence, never both', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');

    const [commit, state] = await Promise.allSettled([
      commitCheckpoint(register, checkpoint, { root: aRoot() }),
      abandonCheckpoint(register, checkpoint, { reason: 'test' }),
    ]);

    const head = await readRecord(register, checkpoint);
    expect(head).toMatchObject({
      value: { state: commit.status === 'fulfilled' ? 'COMMITTED' : 'ABORTED' },
    });
    expect(state).toMatchObject({ value: head.kind === 'live' && head.value.state });
  });
});

describe('abandonCheckpoint', () => {
  it('ends an open checkpoint, and leaves every other as it is', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    const abandon = (of: string) => abandonCheckpoint(register, of, { reason: 'test' });

    expect(await abandon(checkpoint)).toBe('ABORTED');
    expect(await abandon(checkpoint)).toBe('ABORTED');
    expect((await readRecord(register, checkpoint)).generation).toBe(1);
    expect(await abandon((await committed(register, 'e2')).checkpoint)).toBe('COMMITTED');
    expect(await abandon(NOWHERE)).toBe('absent');
  });

  it('leaves one that has gone on since it was looked at', async () => {
    const register = aRegister();
    const asSeen = await opened(register, 'e1');
    await opened(register, 'e1');
    const { checkpoint } = asSeen;

    expect(await abandonCheckpoint(register, checkpoint, { reason: 'test', asSeen })).toBe('OPEN');
  });
});

describe('pruning', () => {
  it('marks, can be undone, and can be repeated', async () => {
    const register = aRegister();
    const { checkpoint, root } = await committed(register, 'e1');
    await noteProof(register, checkpoint, { how: 'read' });
    await register.clock.advance(HOUR);

    await pruneCheckpoint(register, checkpoint);
    const pruned = await pruneCheckpoint(register, checkpoint);
    expect(pruned).toMatchObject({ state: 'DELETING', root, since: '2026-01-01T01:00:00.000Z' });

    await undeleteCheckpoint(register, checkpoint);
    expect(await undeleteCheckpoint(register, checkpoint)).toMatchObject({
      state: 'COMMITTED',
      root,
      lastProven: { at: '2026-01-01T00:00:00.000Z', how: 'read' },
    });
    expect((await readRecord(register, checkpoint)).generation).toBe(4);
  });

  it('has no way back once a collector has taken the checkpoint up', async () => {
    const register = aRegister();
    const { checkpoint } = await committed(register, 'e1');
    const seen = await pruneCheckpoint(register, checkpoint);

    expect(await startCollecting(register, seen)).toMatchObject({ value: { state: 'COLLECTING' } });

    await expect(undeleteCheckpoint(register, checkpoint)).rejects.toThrow(CheckpointStateRefused);
    await expect(pruneCheckpoint(register, checkpoint)).rejects.toThrow('COLLECTING');
    await buryRecord(register, checkpoint);
    await buryRecord(register, checkpoint);
    await expect(undeleteCheckpoint(register, checkpoint)).rejects.toThrow('removed');
  });

  it('is not taken up when it was undone and done again since', async () => {
    const register = aRegister();
    const { checkpoint } = await committed(register, 'e1');
    const seen = await pruneCheckpoint(register, checkpoint);
    await undeleteCheckpoint(register, checkpoint);
    await pruneCheckpoint(register, checkpoint);

    expect(await startCollecting(register, seen)).toMatchObject({ value: { state: 'DELETING' } });
  });

  it('is for what was committed', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');

    await expect(pruneCheckpoint(register, checkpoint)).rejects.toThrow(CheckpointStateRefused);
    await expect(pruneCheckpoint(register, NOWHERE)).rejects.toThrow(CheckpointNotFound);
    await expect(noteProof(register, checkpoint, { how: 'read' })).rejects.toThrow('OPEN');
    await expect(buryRecord(register, checkpoint)).rejects.toThrow(CheckpointStateRefused);
  });
});

describe('a record', () => {
  it.each(['ABORTED', 'COMMITTED'] as const)('never goes from %s to OPEN', async (from) => {
    const register = aRegister();
    const open = await opened(register, 'e1');
    if (from === 'ABORTED') await abandonCheckpoint(register, open.checkpoint, { reason: 'test' });
    else await commitCheckpoint(register, open.checkpoint, { root: aRoot() });
    const head = await readRecord(register, open.checkpoint);

    await expect(writeRecord(register, head, open)).rejects.toThrow(CheckpointStateRefused);
  });

  it.each([
    ['that is cut', () => Buffer.from('{'), /cut/],
    [
      'of a later version',
      (name: KeyObject, key: string) => encodeSigned(name, key, { version: 7 }),
      /version/,
    ],
    [
      'that who has no key wrote',
      (_: KeyObject, key: string) =>
        encodeSigned(generateKeySync('hmac', { length: 256 }), key, {}),
      /MAC/,
    ],
  ])('%s is not guessed at', async (_, bytes, why) => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    const key = `records/${checkpoint.slice(16)}/${checkpoint}/0000000001`;
    await register.store.put(key, bytes(register.nameKey, key));

    await expect(readRecord(register, checkpoint)).rejects.toThrow(key);
    await expect(readRecord(register, checkpoint)).rejects.toThrow(why);
  });

  it('is noticed at every byte that is altered', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    const key = `records/${checkpoint.slice(16)}/${checkpoint}/0000000000`;
    const bytes = await register.store.get(key);
    for (let at = 0; at < bytes.length; at++) {
      await register.store.put(key, flipped(bytes, at, at % 8));
      await expect(readRecord(register, checkpoint)).rejects.toThrow(RecordUnreadable);
    }
  });

  it("is not another's", async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    const other = `0${checkpoint.slice(1)}`.replace(/^00/, '10');
    const key = `records/${checkpoint.slice(16)}/${checkpoint}/0000000000`;
    const body = await register.store.get(key);
    await register.store.put(key.replace(checkpoint, other), body);

    await expect(readRecord(register, other)).rejects.toThrow('belongs elsewhere');
  });
});
