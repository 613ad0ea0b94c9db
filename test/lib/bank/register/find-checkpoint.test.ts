import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../../lib/errors.ts';
import { abandonCheckpoint } from '../../../../lib/bank/register/abandon-checkpoint.ts';
import { CheckpointAmbiguous, CheckpointNotFound } from '../../../../lib/bank/register/errors.ts';
import { findCheckpoint } from '../../../../lib/bank/register/find-checkpoint.ts';
import {
  listCheckpoints,
  listHeads,
  type ListOptions,
} from '../../../../lib/bank/register/list-checkpoints.ts';
import { buryRecord, pruneCheckpoint } from '../../../../lib/bank/register/prune-checkpoint.ts';
import { faultyStore } from '../store/faulty-store.ts';
import type { CheckpointRecord } from '../../../../lib/bank/register/record.ts';
import { recordSeries } from '../../../../lib/bank/register/records.ts';
import { bury } from '../../../../lib/bank/register/series.ts';
import { all, aRegister, aServer, committed, opened } from './a-register.ts';

describe('listCheckpoints', () => {
  it('lists every record once, whatever its state, and none that was removed', async () => {
    const register = aRegister();
    const one = await committed(register, 'e1');
    const two = await committed(register, 'e2', { server: aServer('server-2') });
    await pruneCheckpoint(register, two.checkpoint);
    const gone = await opened(register, 'e3');
    await abandonCheckpoint(register, gone.checkpoint, { reason: 'test' });
    await buryRecord(register, gone.checkpoint);
    const open = await opened(register, 'e4');

    const listed = await all(listCheckpoints(register));

    const expected = [one, two, open].map(({ checkpoint }) => checkpoint);
    expect(listed.map(({ checkpoint }) => checkpoint).sort()).toEqual(expected.sort());
  });

  it("lists one server's", async () => {
    const register = aRegister();
    const one = await committed(register, 'e1');
    await committed(register, 'e1', { server: aServer('server-2') });

    const listed = await all(listCheckpoints(register, { serverKey: one.checkpoint.slice(16) }));

    expect(listed).toEqual([one]);
  });

  it('takes two lists and a read for each record, several at once', async () => {
    const register = aRegister();
    for (let server = 0; server < 40; server++) {
      await committed(register, 'e1', { server: aServer(`server-${server}`) });
    }
    let lists = 0;
    let reading = 0;
    let most = 0;
    let others = 0;
    const store = faultyStore(register.store, ({ method }) => {
      if (method === 'list') lists += 1;
      else if (method !== 'get') others += 1;
      return undefined;
    });
    const counting = {
      ...store,
      get: async (key: string) => {
        reading += 1;
        most = Math.max(most, reading);
        await new Promise((resolve) => setImmediate(resolve));
        reading -= 1;
        return await store.get(key);
      },
    };

    const listed = await all(listCheckpoints({ ...register, store: counting }));

    expect(listed).toHaveLength(40);
    expect(lists).toBe(2);
    expect(others).toBe(0);
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(32);
  });

  it('believes no generation that was written anew while it was read, after the burial of its record', async () => {
    const register = aRegister();
    const checkpoints: string[] = [];
    for (let server = 0; server < 3; server++) {
      const more = { server: aServer(`server-${server}`) };
      checkpoints.push((await committed(register, 'e1', more)).checkpoint);
    }
    const [, second = ''] = checkpoints.sort(byPlace);
    const { store } = register;
    const burying = {
      ...store,
      get: async (key: string) => {
        if (key.includes(second)) {
          // Of another time, and put there by a request that was under way for long.
          const late = await store.get(key);
          await bury(recordSeries(register, second));
          await store.put(key, late);
        }
        return await store.get(key);
      },
    };

    const heads = await all(listHeads({ ...register, store: burying }));

    expect(heads.map(({ checkpoint }) => checkpoint)).toEqual(checkpoints);
    expect(heads.map(({ head: { kind } }) => kind)).toEqual(['live', 'buried', 'live']);
  });

  it('reads the records of more than one batch, those of one server, and those behind one', async () => {
    const register = aRegister();
    const open = async (server: number, execution: string) =>
      (await committed(register, execution, { server: aServer(`server-${server}`) })).checkpoint;
    const checkpoints: string[] = [];
    for (let execution = 0; execution < 300; execution++) {
      checkpoints.push(await open(execution % 3, `e${execution}`));
    }
    checkpoints.sort(byPlace);
    const serverKey = checkpoints[0]?.slice(16) ?? '';
    const after = checkpoints[20] ?? '';
    const found = async (options: ListOptions) =>
      (await all(listHeads(register, options))).map(({ checkpoint, head }) => {
        expect(head.kind).toBe('live');
        return checkpoint;
      });

    expect(await found({})).toEqual(checkpoints);
    expect(await found({ serverKey })).toEqual(checkpoints.slice(0, 100));
    expect(await found({ after })).toEqual(checkpoints.slice(21));
  });

  it('is not silent about what is no record', async () => {
    const register = aRegister();
    await register.store.put('records/01234567/note.txt', Buffer.from('?'));

    await expect(all(listCheckpoints(register))).rejects.toThrow('note.txt');
  });
});

describe('findCheckpoint', () => {
  it('finds by the whole id and by its unique beginning, in any state', async () => {
    const register = aRegister();
    const record = await opened(register, 'e1');

    expect(await findCheckpoint(register, record.checkpoint)).toEqual(record);
    expect(await findCheckpoint(register, record.checkpoint.slice(0, 6))).toEqual(record);
  });

  it('lists the candidates where several begin alike', async () => {
    const register = aRegister();
    const ids: string[] = [];
    for (let server = 0; server < 20; server++) {
      const { checkpoint } = await opened(register, 'e1', { server: aServer(`server-${server}`) });
      ids.push(checkpoint);
    }
    const digit = ids.map(([first]) => first).find((first, at, all) => all.indexOf(first) < at);
    const alike = ids.filter(([first]) => first === digit);

    const search = findCheckpoint(register, digit ?? '');

    await expect(search).rejects.toThrow(CheckpointAmbiguous);
    for (const id of alike.slice(0, 10)) await expect(search).rejects.toThrow(id);
  });

  it("finds a server's latest COMMITTED one by the server's id, key, or other names", async () => {
    const register = aRegister();
    await committed(register, 'e1');
    await register.clock.advance(1000);
    const latest = await committed(register, 'e2', { summary: 'web-1' });
    await register.clock.advance(1000);
    const pruned = await committed(register, 'e3');
    await pruneCheckpoint(register, pruned.checkpoint);
    await opened(register, 'e4');
    await committed(register, 'e1', { server: aServer('server-2') });

    expect(await findCheckpoint(register, 'server-1@latest')).toEqual(latest);
    expect(await findCheckpoint(register, `${latest.checkpoint.slice(16)}@latest`)).toEqual(latest);
    expect(await findCheckpoint(register, 'web-1@latest', { callNames: bySummary })).toEqual(
      latest,
    );
  });

  it('asks which server is meant where two have one name', async () => {
    const register = aRegister();
    await committed(register, 'e1', { summary: 'web' });
    await committed(register, 'e1', { summary: 'web', server: aServer('server-2') });

    const search = findCheckpoint(register, 'web@latest', { callNames: bySummary });

    await expect(search).rejects.toThrow(CheckpointAmbiguous);
    await expect(search).rejects.toThrow('server-2');
  });

  it('says what is not there, and what names nothing', async () => {
    const register = aRegister();
    const { checkpoint } = await opened(register, 'e1');
    await abandonCheckpoint(register, checkpoint, { reason: 'test' });
    await buryRecord(register, checkpoint);

    await expect(findCheckpoint(register, checkpoint)).rejects.toThrow('has been removed');
    await expect(findCheckpoint(register, checkpoint.slice(0, 8))).rejects.toThrow(
      CheckpointNotFound,
    );
    await expect(findCheckpoint(register, 'web-1@latest')).rejects.toThrow(CheckpointNotFound);
    await expect(findCheckpoint(register, 'web-1')).rejects.toThrow(InvalidInput);
  });
});

async function bySummary({ summary = '' }: CheckpointRecord): Promise<string[]> {
  return [summary];
}

/** As records lie in the register. */
function byPlace(one: string, other: string): number {
  return placeOf(one) < placeOf(other) ? -1 : 1;
}

function placeOf(checkpoint: string): string {
  return checkpoint.slice(16) + checkpoint;
}
