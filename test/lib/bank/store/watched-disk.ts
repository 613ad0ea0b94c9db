import type * as FileSystem from 'node:fs/promises';

export type Step =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'rename'
  | 'link'
  | 'mkdir'
  | 'readdir'
  | 'unlink'
  | 'rm';

/** Stands before the real file system of `vi.mock('node:fs/promises')`: sees every step, and may fail it. */
export const disk = {
  steps: [] as [step: Step, path: string][],
  before: (_step: Step, _path: string): Promise<void> | void => undefined,
  after: (_step: Step, _path: string): Promise<void> | void => undefined,
};

/** The module with its changing functions watched; for `vi.mock`. */
export function watchedDisk(real: typeof FileSystem): typeof FileSystem {
  return {
    ...real,
    open: (path, flags, mode) =>
      watched('open', String(path), async () =>
        watchedHandle(String(path), await real.open(path, flags, mode)),
      ),
    rename: (from, to) => watched('rename', String(to), () => real.rename(from, to)),
    link: (from, to) => watched('link', String(to), () => real.link(from, to)),
    unlink: (path) => watched('unlink', String(path), () => real.unlink(path)),
    rm: (path, options) => watched('rm', String(path), () => real.rm(path, options)),
    mkdir: ((path, options) =>
      watched('mkdir', String(path), () => real.mkdir(path, options))) as typeof real.mkdir,
    readdir: ((path: string, options: { withFileTypes: true }) =>
      watched('readdir', path, () => real.readdir(path, options))) as typeof real.readdir,
  };
}

function watchedHandle(path: string, handle: FileSystem.FileHandle): FileSystem.FileHandle {
  const read = handle.read.bind(handle) as (...args: unknown[]) => Promise<unknown>;
  const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
  const sync = handle.sync.bind(handle);
  const datasync = handle.datasync.bind(handle);
  return Object.assign(handle, {
    read: (...args: unknown[]) => watched('read', path, () => read(...args)),
    write: (...args: unknown[]) => watched('write', path, () => write(...args)),
    sync: () => watched('sync', path, sync),
    datasync: () => watched('sync', path, datasync),
  });
}

async function watched<T>(step: Step, path: string, act: () => Promise<T>): Promise<T> {
  disk.steps.push([step, path]);
  await disk.before(step, path);
  const result = await act();
  await disk.after(step, path);
  return result;
}
