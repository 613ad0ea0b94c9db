import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directoryStore } from '../../../../lib/bank/store/directory.ts';

const script = join(import.meta.dirname, 'writer-process.ts');

let path: string;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'snapbank-'));
});

afterEach(async () => {
  await rm(path, { recursive: true });
});

function start(task: string, name: string) {
  return spawn(process.execPath, [script, task, path, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('directoryStore among processes', () => {
  it('lets exactly one process create each key', async () => {
    const names = ['first', 'second', 'third'];

    const outputs = await Promise.all(names.map((name) => text(start('race', name).stdout)));

    const won = outputs.map((output) => output.split('\n').filter((key) => key !== ''));
    expect(won.flat()).toHaveLength(100);
    expect(new Set(won.flat()).size).toBe(100);
    const store = directoryStore(path);
    for (const [index, keys] of won.entries()) {
      for (const key of keys) {
        expect(Buffer.from(await store.get(key)).toString()).toBe(names[index]);
      }
    }
    expect(await readdir(join(path, '.tmp'))).toEqual([]);
  });

  it('shows whole objects only after a process was killed while it wrote', async () => {
    const child = start('fill', 'killed');
    const finished: string[] = [];
    for await (const lines of child.stdout) {
      finished.push(...String(lines).trim().split('\n'));
      if (finished.length >= 3) child.kill('SIGKILL');
    }

    const store = directoryStore(path);
    const keys: string[] = [];
    for await (const { key, sizeBytes } of store.list('')) {
      keys.push(key);
      expect(sizeBytes).toBe(4 * 1024 * 1024);
      expect((await store.get(key)).every((byte) => byte === 1)).toBe(true);
    }
    expect(keys).toEqual(expect.arrayContaining(finished.map((index) => `fill/killed/${index}`)));
  });
});
