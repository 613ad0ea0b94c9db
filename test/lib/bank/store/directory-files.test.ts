import { randomBytes } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directoryStore } from '../../../../lib/bank/store/directory.ts';
import { ObjectNotFound, StoreRefused } from '../../../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';

const text = (value: string) => Buffer.from(value);

let parent: string;
let path: string;
let store: ObjectStore;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'snapbank-'));
  path = join(parent, 'bank');
  store = directoryStore(path);
});

afterEach(async () => {
  await rm(parent, { recursive: true });
});

async function keysOf(on: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of on.list('')) keys.push(key);
  return keys;
}

const modeOf = async (name: string) => (await stat(join(path, name))).mode & 0o777;

describe('directoryStore on the disk', () => {
  it('makes its directory with the first write, for its owner alone', async () => {
    expect(await keysOf(store)).toEqual([]);
    expect(await store.size('a')).toBeUndefined();
    await expect(store.get('a')).rejects.toThrow(ObjectNotFound);
    await store.delete(['a']);
    expect(await readdir(parent)).toEqual([]);

    await store.put('packs/a', text('x'));
    await store.putIfAbsent('records/a', text('x'));

    expect(await modeOf('.')).toBe(0o700);
    expect(await modeOf('packs')).toBe(0o700);
    expect(await modeOf('packs/a')).toBe(0o600);
    expect(await modeOf('records/a')).toBe(0o600);
  });

  it('leaves no folder and no temporary file behind', async () => {
    await store.put('a/b/c/1', text('x'));
    await store.put('a/2', text('x'));
    await store.putIfAbsent('r/1', text('x'));
    await store.putIfAbsent('r/1', text('x'));

    await store.delete(['a/b/c/1', 'r/1']);

    expect((await readdir(path)).sort()).toEqual(['.tmp', 'a']);
    expect(await readdir(join(path, 'a'))).toEqual(['2']);
    expect(await readdir(join(path, '.tmp'))).toEqual([]);
  });

  it('removes what a dead process left half written, once it is a day old', async () => {
    await mkdir(join(path, '.tmp/old-upload'), { recursive: true });
    await writeFile(join(path, '.tmp/old-upload/data'), 'half');
    await writeFile(join(path, '.tmp/old'), 'half');
    await writeFile(join(path, '.tmp/young'), 'half');
    const yesterday = Date.now() / 1000 - 25 * 60 * 60;
    for (const name of ['old', 'old-upload']) {
      await utimes(join(path, '.tmp', name), yesterday, yesterday);
    }
    expect(await keysOf(store)).toEqual([]);

    await store.put('a', text('x'));

    expect(await readdir(join(path, '.tmp'))).toEqual(['young']);
    expect(await keysOf(store)).toEqual(['a']);
  });

  it('lists files under the names of keys, and nothing else', async () => {
    await store.put('a', text('x'));
    await mkdir(join(path, '.hidden/b'), { recursive: true });
    await mkdir(join(path, 'empty'));
    for (const name of ['.DS_Store', 'b c', 'ä', '.hidden/b/c', 'a~']) {
      await writeFile(join(path, name), 'x');
    }
    await symlink(join(path, 'a'), join(path, 'link'));

    expect(await keysOf(store)).toEqual(['a']);
    expect(await store.size('link')).toBeUndefined();
  });

  it('refuses a key that is a folder of others, and one whose folder is an object', async () => {
    await store.put('a/b', text('x'));
    await store.put('c', text('x'));

    for (const call of [
      () => store.put('a', text('y')),
      () => store.putIfAbsent('a', text('y')),
      () => store.put('c/d', text('y')),
      () => store.putIfAbsent('c/d', text('y')),
    ]) {
      await expect(call()).rejects.toThrow(StoreRefused);
    }
    expect(await keysOf(store)).toEqual(['a/b', 'c']);
    expect(await readdir(join(path, '.tmp'))).toEqual([]);
  });

  it('refuses a place that is a file, or whose path is too long', async () => {
    await writeFile(join(parent, 'file'), 'x');

    const inFile = directoryStore(join(parent, 'file/bank'));
    await expect(inFile.put('a', text('x'))).rejects.toThrow(StoreRefused);
    const deep = directoryStore(join(parent, 'x'.repeat(300)));
    await expect(deep.put('a', text('x'))).rejects.toThrow('too long');
  });

  it('keeps no temporary file when a signal stops a write', async () => {
    const stop = new AbortController();
    const writes = ['a', 'b'].map((key) =>
      store.put(key, randomBytes(2_000_000), { signal: stop.signal }),
    );
    stop.abort(new Error('stopped'));

    expect((await Promise.allSettled(writes)).map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
    ]);
    expect(await keysOf(store)).toEqual([]);
    expect(await readdir(join(path, '.tmp'))).toEqual([]);
  });
});

describe('uploads of a directoryStore', () => {
  it('finishes a completion that was interrupted before it tidied up', async () => {
    const upload = { key: 'images/a', uploadId: await store.startUpload('images/a') };
    await store.putPart(upload, { number: 1, offset: 0 }, text('bytes'));
    await mkdir(join(path, 'images'));
    await rename(join(path, '.uploads', upload.uploadId, 'data'), join(path, 'images/a'));

    await directoryStore(path).completeUpload(upload, 1);

    expect(await readdir(join(path, '.uploads'))).toEqual([]);
    expect(Buffer.from(await store.get('images/a')).toString()).toBe('bytes');
  });

  it('keeps a sparse file sparse and as long as its parts', async () => {
    const upload = { key: 'a', uploadId: await store.startUpload('a') };
    const MIB = 2 ** 20;
    await store.putPart(upload, { number: 2, offset: 64 * MIB }, text('end'));
    const data = await stat(join(path, '.uploads', upload.uploadId, 'data'));

    expect(data.size).toBe(64 * MIB + 3);
    expect(data.blocks * 512).toBeLessThan(MIB);
    await store.abortUpload(upload);
    expect(await readdir(join(path, '.uploads'))).toEqual([]);
    expect(await readdir(join(path, '.tmp'))).toEqual([]);
  });

  it('is not misled by what else lies among the uploads', async () => {
    const uploadId = await store.startUpload('a');
    await mkdir(join(path, '.uploads/empty'));
    await mkdir(join(path, '.uploads/broken'));
    await writeFile(join(path, '.uploads/broken/upload'), '../../etc/passwd\nyesterday\n');
    await writeFile(join(path, '.uploads/file'), 'x');

    const ids: string[] = [];
    for await (const upload of store.listUploads('')) ids.push(upload.uploadId);

    expect(ids).toEqual([uploadId]);
  });
});
