import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { directoryStore } from '../../../../lib/bank/store/directory.ts';
import {
  StoreRefused,
  StoreUnavailable,
  WriteOutcomeUnknown,
} from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';
import { disk, type Step } from './watched-disk.ts';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { watchedDisk } = await import('./watched-disk.ts');
  return watchedDisk(await importOriginal());
});

const text = (value: string) => Buffer.from(value);
const errno = (code: string) => Object.assign(new Error(`${code}: made up`), { code });

let path: string;
let store: ObjectStore;

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'snapbank-')), 'bank');
  store = directoryStore(path);
  await store.put('before', text('x'));
  disk.steps.length = 0;
});

afterEach(async () => {
  disk.before = () => undefined;
  disk.after = () => undefined;
  await rm(dirname(path), { recursive: true });
});

/** Fails the steps of that kind, the first `times` of them. */
function fail(step: Step, code: string, times = Number.POSITIVE_INFINITY): void {
  let left = times;
  disk.before = (at) => {
    if (at === step && left-- > 0) throw errno(code);
  };
}

function foldersRead(): string[] {
  return disk.steps.filter(([step]) => step === 'readdir').map(([, at]) => relative(path, at));
}

async function keysOf(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}

describe('directoryStore and the disk', () => {
  it('syncs the file before it gets its name, and the folders after that', async () => {
    for (const [write, naming] of [
      [() => store.put('a/b', text('x')), 'rename'],
      [() => store.putIfAbsent('a/c', text('x')), 'link'],
    ] as const) {
      disk.steps.length = 0;
      await write();

      const steps = disk.steps
        .filter(([step]) => ['sync', naming].includes(step))
        .map(([step, at]) => `${step} ${relative(path, at).replace(/^\.tmp\/.*/, '(temporary)')}`);
      expect(steps.slice(0, 2)).toEqual([
        'sync (temporary)',
        expect.stringMatching(`^${naming} a/`),
      ]);
      expect(steps.slice(2).sort()).toEqual(['sync ', 'sync a']);
    }
  });

  it('reads no folder that can hold no wanted key, and none before it is needed', async () => {
    for (const key of ['a/1', 'b/1', 'b/1a/x', 'b/2/x', 'b/3/x', 'c/1']) {
      await store.put(key, text('x'));
    }
    disk.steps.length = 0;
    for await (const { key } of store.list('b/', { startAfter: 'b/2/x' })) {
      expect(key).toBe('b/3/x');
    }
    expect(foldersRead()).toEqual(['b', 'b/2', 'b/3']);

    disk.steps.length = 0;
    for await (const { key } of store.list('')) {
      expect(key).toBe('a/1');
      break;
    }
    expect(foldersRead()).toEqual(['', 'a']);
  });

  it.each([
    ['write', 'ENOSPC', 'the disk is full'],
    ['write', 'EDQUOT', 'quota'],
    ['mkdir', 'EACCES', 'permission denied'],
    ['open', 'EROFS', 'read-only'],
    ['rename', 'EXDEV', 'one file system'],
  ] as const)(
    'is refused when %s fails with %s, and says where and why',
    async (step, code, why) => {
      fail(step, code);

      const error = await store.put('packs/a', text('x')).catch((reason: unknown) => reason);

      expect(error).toBeInstanceOf(StoreRefused);
      expect((error as Error).message).toContain(join(path, 'packs/a'));
      expect((error as Error).message).toContain(why);
      disk.before = () => undefined;
      expect(await keysOf()).toEqual(['before']);
      expect(await readdir(join(path, '.tmp'))).toEqual([]);
    },
  );

  it.each([
    ['writing', 'write', () => store.put('a', text('x'))],
    ['syncing', 'sync', () => store.put('a', text('x'))],
    ['reading', 'open', () => store.get('before')],
    ['listing', 'readdir', () => keysOf()],
    ['deleting', 'unlink', () => store.delete(['before'])],
    ['starting an upload', 'rename', () => store.startUpload('a')],
  ] as const)('is unavailable when %s fails with EIO', async (_, step, call) => {
    fail(step, 'EIO');

    await expect(call()).rejects.toThrow(StoreUnavailable);
  });

  it.each(['open', 'write', 'sync', 'rename', 'mkdir'] as const)(
    'leaves nothing of an upload that could not be started, because %s failed',
    async (step) => {
      for (const skipped of [0, 1, 2]) {
        let left = skipped;
        disk.before = (at) => {
          if (at === step && left-- <= 0) throw errno('ENOSPC');
        };
        const failed = await store.startUpload('a').then(
          (uploadId) => ({ key: 'a', uploadId }),
          () => undefined,
        );
        disk.before = () => undefined;

        if (failed !== undefined) await store.abortUpload(failed);
        expect(await readdir(join(path, '.tmp'))).toEqual([]);
        expect(await readdir(join(path, '.uploads')).catch(() => [])).toEqual([]);
      }
    },
  );

  it('makes a folder again that was pruned before the file got its name', async () => {
    for (const [step, write] of [
      ['rename', () => store.put('a/b/put', text('x'))],
      ['link', () => store.putIfAbsent('a/c/created', text('x'))],
    ] as const) {
      let left = 3;
      disk.before = async (at, target) => {
        if (at === step && left-- > 0) await rm(dirname(target), { recursive: true });
      };
      await write();
    }

    expect(await keysOf()).toEqual(['a/b/put', 'a/c/created', 'before']);
  });

  it('gives up when its folder is removed for ever', async () => {
    disk.before = async (at, target) => {
      if (at === 'rename') await rm(dirname(target), { recursive: true, force: true });
    };

    await expect(store.put('a/b', text('x'))).rejects.toThrow(StoreUnavailable);
  });
});

describe.runIf(process.platform === 'linux')(
  'a directoryStore where no folders can be made',
  () => {
    it('refuses at once', async () => {
      const nowhere = directoryStore('/proc/snapbank/bank');

      await expect(nowhere.put('key', text('x'))).rejects.toThrow(StoreRefused);
    });
  },
);

describe('putIfAbsent of a directoryStore', () => {
  it('does not know the outcome when link fails half way, or the folder cannot be synced', async () => {
    fail('link', 'EIO');
    await expect(store.putIfAbsent('a', text('x'))).rejects.toThrow(WriteOutcomeUnknown);

    disk.before = (step, at) => {
      if (step === 'sync' && at === path) throw errno('EIO');
    };
    await expect(store.putIfAbsent('b', text('x'))).rejects.toThrow(WriteOutcomeUnknown);
    disk.before = () => undefined;
    expect(await keysOf()).toEqual(['b', 'before']);
    expect(await readdir(join(path, '.tmp'))).toEqual([]);
  });

  it('knows its own file when a network file system repeats a link that took effect', async () => {
    disk.after = (step) => {
      if (step === 'link') throw errno('EEXIST');
    };

    expect(await store.putIfAbsent('a', text('mine'))).toBe(true);
    expect(await store.putIfAbsent('before', text('mine'))).toBe(false);
  });

  it('created the object, whatever becomes of the name that it had before', async () => {
    fail('rm', 'EIO');

    expect(await store.putIfAbsent('a', text('mine'))).toBe(true);
    expect(await store.putIfAbsent('a', text('theirs'))).toBe(false);
  });

  it('refuses a file system without hard links', async () => {
    fail('link', 'EPERM');

    await expect(store.putIfAbsent('a', text('x'))).rejects.toThrow('no hard links');
    expect(await keysOf()).toEqual(['before']);
  });

  it('is refused, not unknown, where nothing can have happened', async () => {
    for (const code of ['ENOSPC', 'EACCES', 'EROFS']) {
      fail('link', code);
      await expect(store.putIfAbsent('a', text('x'))).rejects.toThrow(StoreRefused);
    }
  });
});
