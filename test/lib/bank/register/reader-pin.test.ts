import { describe, expect, it } from 'vitest';
import {
  CheckpointNotFound,
  CheckpointStateRefused,
  PinFenced,
} from '../../../../lib/bank/register/errors.ts';
import { buryPin, fencePin, listPins } from '../../../../lib/bank/register/pin.ts';
import {
  pruneCheckpoint,
  startCollecting,
} from '../../../../lib/bank/register/prune-checkpoint.ts';
import { openPin, releasePin, renewPin } from '../../../../lib/bank/register/reader-pin.ts';
import { changeRecord } from '../../../../lib/bank/register/records.ts';
import { StoreRefused } from '../../../../lib/bank/store/errors.ts';
import type { Log } from '../../../../lib/log.ts';
import { all, aRegister, aRoot, committed, opened } from './a-register.ts';

const HOUR = 3600 * 1000;
const execution = { id: 'restore-1' };

describe("a reader's pin", () => {
  it('names the checkpoint and its root until it is released', async () => {
    const register = aRegister();
    const record = await committed(register, 'e1');
    const { checkpoint, root } = record;

    const pin = await openPin(register, { checkpoint, execution });

    expect(pin.record).toEqual(record);
    expect(await all(listPins(register))).toMatchObject([{ id: pin.id, checkpoint, root }]);
    await releasePin(register, pin.id);
    await releasePin(register, pin.id);
    expect(await all(listPins(register))).toEqual([]);
    expect(await all(register.store.list('pins/'))).toEqual([]);
  });

  it('is one for one execution, however often it asks', async () => {
    const register = aRegister();
    const { checkpoint } = await committed(register, 'e1');

    const first = await openPin(register, { checkpoint, execution });
    const second = await openPin(register, { checkpoint, execution });
    const other = await openPin(register, { checkpoint, execution: { id: 'restore-2' } });

    expect(second.id).toBe(first.id);
    expect(other.id).not.toBe(first.id);
  });

  it('holds a checkpoint that is marked for deletion, but none that is being collected', async () => {
    const register = aRegister();
    const { checkpoint } = await committed(register, 'e1');
    const seen = await pruneCheckpoint(register, checkpoint);
    const pin = await openPin(register, { checkpoint, execution });
    expect(pin.record.state).toBe('DELETING');
    await releasePin(register, pin.id);

    await startCollecting(register, seen);

    await expect(openPin(register, { checkpoint, execution })).rejects.toThrow(
      CheckpointStateRefused,
    );
    expect(await all(register.store.list('pins/'))).toEqual([]);
  });

  it('is taken back where the checkpoint is given up while it is written', async () => {
    const register = aRegister();
    const { checkpoint } = await committed(register, 'e1');
    const seen = await pruneCheckpoint(register, checkpoint);
    const store = {
      ...register.store,
      putIfAbsent: async (key: string, body: Uint8Array) => {
        if (key.startsWith('pins/')) await startCollecting(register, seen);
        return await register.store.putIfAbsent(key, body);
      },
    };

    await expect(openPin({ ...register, store }, { checkpoint, execution })).rejects.toThrow(
      'COLLECTING',
    );
    expect(await all(register.store.list('pins/'))).toEqual([]);
  });

  it('is on the root that the checkpoint has when it is looked at again', async () => {
    const register = aRegister();
    const { checkpoint } = await committed(register, 'e1');
    const replaceRoot = async () => {
      await changeRecord(register, checkpoint, (head) =>
        head.kind === 'live' && head.value.state === 'COMMITTED' && head.generation < 3
          ? { ...head.value, root: aRoot('compacted') }
          : undefined,
      );
    };
    const store = {
      ...register.store,
      putIfAbsent: async (key: string, body: Uint8Array) => {
        if (key.startsWith('pins/')) await replaceRoot();
        return await register.store.putIfAbsent(key, body);
      },
    };

    const { id, record } = await openPin({ ...register, store }, { checkpoint, execution });

    expect(record.root).toEqual(aRoot('compacted'));
    expect(await all(listPins(register))).toMatchObject([{ id, root: aRoot('compacted') }]);
  });

  it('is renewed like a lease, and its loss is noticed', async () => {
    const register = aRegister();
    const { checkpoint, root } = await committed(register, 'e1');
    const { id } = await openPin(register, { checkpoint, execution });
    await renewPin(register, { pinId: id, root });
    await register.clock.advance(HOUR * 0.6);
    await renewPin(register, { pinId: id, root });
    const [pin] = await all(listPins(register));
    expect(pin?.lease.renewedAt).toBe('2026-01-01T00:36:00.000Z');

    if (pin !== undefined) expect(await fencePin(register, pin)).toBe(true);

    await expect(renewPin(register, { pinId: id, root })).rejects.toThrow(PinFenced);
    await buryPin(register, id ?? '');
    await expect(renewPin(register, { pinId: id, root })).rejects.toThrow(PinFenced);
    const next = await openPin(register, { checkpoint, execution });
    expect(next.id).not.toBe(id);
    await releasePin(register, next.id);
    await expect(renewPin(register, { pinId: next.id, root })).rejects.toThrow(PinFenced);
  });

  it('is not fenced when it was renewed meanwhile', async () => {
    const register = aRegister();
    const { checkpoint, root } = await committed(register, 'e1');
    const { id } = await openPin(register, { checkpoint, execution });
    const [seen] = await all(listPins(register));
    await openPin(register, { checkpoint, execution });

    if (seen !== undefined) expect(await fencePin(register, seen)).toBe(false);

    await renewPin(register, { pinId: id, root });
  });

  it('is none for a reader of another root than it now holds', async () => {
    const register = aRegister();
    const { checkpoint, root } = await committed(register, 'e1');
    const { id } = await openPin(register, { checkpoint, execution });
    await renewPin(register, { pinId: id, root });

    const other = renewPin(register, { pinId: id, root: aRoot('another') });

    await expect(other).rejects.toThrow(PinFenced);
  });

  it('is done without, with a warning, where the register cannot be written', async () => {
    const warnings: string[] = [];
    const log: Log = { debug() {}, info() {}, warn: (message) => warnings.push(message) };
    const register = aRegister({ log });
    const record = await committed(register, 'e1');
    const store = {
      ...register.store,
      putIfAbsent: () => Promise.reject(new StoreRefused('It is read-only.')),
    };

    const pin = await openPin({ ...register, store }, { checkpoint: record.checkpoint, execution });

    expect(pin).toEqual({ id: null, record });
    expect(warnings).toHaveLength(1);
    await renewPin(register, { pinId: pin.id, root: record.root });
    await releasePin(register, pin.id);
  });

  it('is not for what is not there yet, or nowhere', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');

    await expect(openPin(register, { checkpoint, execution })).rejects.toThrow(
      CheckpointStateRefused,
    );
    await expect(
      openPin(register, { checkpoint: '0123456789abcdef01234567', execution }),
    ).rejects.toThrow(CheckpointNotFound);
  });
});
