import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedExecution, listEmbedded } from '../../cli/list-embedded.ts';
import { lockDirectory } from '../../local/engine/process-lock.ts';

const STARTED = {
  type: 'ExecutionStarted',
  timestamp: '2026-01-31T02:00:00.000Z',
  executionStartedEventDetails: { input: '{"all":true}' },
};

let state: string;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'snapbank-executions-'));
});
afterEach(async () => {
  await rm(state, { recursive: true });
});

/** Returns the directory of the history. */
async function keep(
  machine: string,
  name: string,
  events: readonly unknown[],
  { tail = '', at = 1 } = {},
): Promise<string> {
  const directory = join(state, 'executions', `snapbank-${machine}`, name);
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'history.jsonl');
  await writeFile(path, events.map((event) => `${JSON.stringify(event)}\n`).join('') + tail);
  await utimes(path, at, at);
  return directory;
}

function serverEnded(server: number, type: string, ...inner: string[]) {
  return { type, path: [`ProtectServers[${String(server)}]`, ...inner] };
}

async function listed(): Promise<EmbeddedExecution[]> {
  const all: EmbeddedExecution[] = [];
  for await (const execution of listEmbedded(state)) all.push(execution);
  return all;
}

describe('the list of embedded executions', () => {
  it('is empty where nothing ran', async () => {
    expect(await listed()).toEqual([]);
  });

  it('begins with the one that did something last', async () => {
    await keep('backup', 'older', [STARTED], { at: 1000 });
    await keep('verify', 'newer', [STARTED], { at: 2000 });

    expect((await listed()).map(({ name }) => name)).toEqual(['newer', 'older']);
  });

  it('counts the servers of a backup that was cut off, whatever the end of its file is', async () => {
    const events = [
      STARTED,
      serverEnded(0, 'ExecutionSucceeded'),
      serverEnded(1, 'ExecutionFailed'),
      // A range of a disk, and a server that was resumed.
      serverEnded(2, 'ExecutionSucceeded', 'UploadSegments[0]'),
      serverEnded(1, 'ExecutionSucceeded'),
    ];
    await keep('backup', 'cut-off', events, { tail: '{"type":"ExecutionSucc' });

    expect(await listed()).toMatchObject([
      {
        status: 'INTERRUPTED',
        stoppedAt: null,
        servers: { total: null, succeeded: 2, failed: 0 },
        input: { all: true },
      },
    ]);
  });

  it('knows one that a process runs now', async () => {
    const lock = await lockDirectory(await keep('backup', 'running', [STARTED]));

    expect(await listed()).toMatchObject([{ status: 'RUNNING' }]);

    if (lock.holder === undefined) await lock.release();
    expect(await listed()).toMatchObject([{ status: 'INTERRUPTED' }]);
  });

  it('says how one ended, and takes the end of a server for none of it', async () => {
    const summary = { total: 2, succeeded: 1, failed: 1, readBytes: 0, newBytes: 0 };
    const cause = JSON.stringify({ ...summary, storedBytes: 0, outcomesKey: 'k', failures: [] });
    const end = {
      type: 'ExecutionFailed',
      timestamp: '2026-01-31T02:10:00.000Z',
      executionFailedEventDetails: { error: 'BackupIncomplete', cause },
    };
    await keep('backup', 'ended', [STARTED, serverEnded(0, 'ExecutionFailed'), end]);
    await keep('backup', 'torn', [], { tail: '{"type":"Exec' });

    expect(await listed()).toMatchObject([
      {
        name: 'ended',
        status: 'FAILED',
        error: 'BackupIncomplete',
        stoppedAt: new Date('2026-01-31T02:10:00.000Z'),
        servers: { total: 2, succeeded: 1, failed: 1 },
      },
    ]);
  });
});
