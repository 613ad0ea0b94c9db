import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryEvent, OpenHistory } from '../../../local/engine/history.ts';
import { historyDirectory } from '../../../local/engine/history-file.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'history-'));
  path = join(directory, 'machine', 'run-1', 'history.jsonl');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function open(name = 'run-1'): Promise<OpenHistory> {
  return historyDirectory(directory).open('machine', name);
}

function event(id: number, output = 'é\u2028"'): HistoryEvent {
  const timestamp = '2026-01-01T00:00:00.000Z';
  return {
    id,
    previousEventId: 0,
    timestamp,
    type: 'ExecutionSucceeded',
    executionSucceededEventDetails: { output },
  };
}

async function read(history: OpenHistory): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for await (const one of history.read()) events.push(one);
  return events;
}

async function write(events: readonly HistoryEvent[]): Promise<void> {
  const history = await open();
  await Promise.all(events.map((one) => history.append(one)));
  await history.close();
}

describe('a history in a file', () => {
  it('is empty at first, and gives back what was written, in order', async () => {
    const history = await open();
    expect(await read(history)).toEqual([]);
    const events = Array.from({ length: 500 }, (_, id) => event(id, 'x'.repeat(id * 7)));
    await Promise.all(events.map((one) => history.append(one)));
    await history.close();

    const again = await open();
    expect(await read(again)).toEqual(events);
    await again.close();
  });

  it('keeps lines that are longer than what is read at once', async () => {
    const events = [event(1, 'x'.repeat(300_000)), event(2), event(3, 'y'.repeat(70_000))];
    await write(events);

    const history = await open();
    expect(await read(history)).toEqual(events);
    await history.close();
  });

  it('goes on behind what was written before', async () => {
    await write([event(1)]);
    await write([event(2)]);

    const history = await open();
    expect((await read(history)).map(({ id }) => id)).toEqual([1, 2]);
    await history.close();
  });

  it('drops a line that was cut off anywhere, and writes on where it began', async () => {
    await write([event(1), event(2)]);
    const whole = await readFile(path);
    const firstLine = whole.indexOf('\n') + 1;

    for (const length of [firstLine, firstLine + 1, firstLine + 40, whole.length - 1]) {
      await writeFile(path, whole);
      await truncate(path, length);
      await write([event(3)]);
      const history = await open();
      expect((await read(history)).map(({ id }) => id)).toEqual([1, 3]);
      await history.close();
    }
  });

  it('drops a cut line that is longer than what is read at once', async () => {
    await write([event(1)]);
    await appendFile(path, `{"id": "${'x'.repeat(200_000)}`);
    await write([event(2)]);

    const history = await open();
    expect((await read(history)).map(({ id }) => id)).toEqual([1, 2]);
    await history.close();
  });

  it('says which line is damaged', async () => {
    await write([event(1)]);
    await appendFile(path, 'garbage\n');
    await write([event(2)]);

    const history = await open();
    await expect(read(history)).rejects.toMatchObject({
      name: 'HistoryCorrupt',
      message: expect.stringContaining('line 2 of') as string,
    });
    await history.close();
  });

  it('belongs to its owner alone', async () => {
    await write([event(1)]);

    expect((await stat(path)).mode & 0o077).toBe(0);
    expect((await stat(join(directory, 'machine'))).mode & 0o077).toBe(0);
  });

  it.each(['../evil', 'a/b', '.x', ''])('refuses the name "%s"', async (name) => {
    await expect(open(name)).rejects.toMatchObject({ name: 'InvalidInput' });
  });

  it('rejects what can no longer be written', async () => {
    const history = await open();
    await history.append(event(1));
    await history.close();

    await expect(history.append(event(2))).rejects.toThrow('closed');
    await expect(history.append(event(3))).rejects.toThrow('closed');
  });
});

describe('the lock of a history', () => {
  it('keeps a second opener away, of this process too, until it is closed', async () => {
    const history = await open();

    await expect(open()).rejects.toMatchObject({
      name: 'ExecutionRunning',
      message: expect.stringContaining(`process ${process.pid} on `) as string,
    });
    const other = await open('run-2');
    await other.close();
    await history.close();
    await (await open()).close();
  });

  it('is had by one of many who want it at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => open()));
      const opened = results.filter((result) => result.status === 'fulfilled');
      expect(opened).toHaveLength(1);
      for (const { value } of opened) await value.close();
    }
  });

  it('is taken from a process that was killed', async () => {
    const holder = fork(new URL('lock-holder.ts', import.meta.url), [directory], {
      stdio: 'ignore',
    });
    await once(holder, 'message');
    await expect(open()).rejects.toMatchObject({ name: 'ExecutionRunning' });

    holder.kill('SIGKILL');
    await once(holder, 'exit');

    const history = await open();
    expect((await read(history)).map(({ id }) => id)).toEqual([7]);
    await history.close();
  });

  it('is free after a power cut that left its file empty', async () => {
    await (await open()).close();
    await writeFile(join(directory, 'machine', 'run-1', 'lock.2'), '');

    await (await open()).close();
  });

  it.runIf(existsSync('/proc/self/stat'))(
    'is free when its pid is another process’s now',
    async () => {
      await (await open()).close();
      const folder = join(directory, 'machine', 'run-1');
      const lock = join(
        folder,
        (await readdir(folder)).find((name) => name.startsWith('lock.')) ?? '',
      );
      const holder = JSON.parse(await readFile(lock, 'utf8')) as { process: object };

      await writeFile(lock, JSON.stringify({ ...holder, released: false }));
      await expect(open()).rejects.toMatchObject({ name: 'ExecutionRunning' });
      const reused = { ...holder.process, startTicks: '1' };
      await writeFile(lock, JSON.stringify({ ...holder, released: false, process: reused }));
      await (await open()).close();
    },
  );
});
