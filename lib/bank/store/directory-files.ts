import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, isMissing } from './directory-errors.ts';
import { StoreRefused, StoreUnavailable } from './errors.ts';

/** Where files are made before they get their names. Keys never start with a dot. */
const TEMPORARY = '.tmp';
/** A file this old there belongs to a process that is gone. */
const ABANDONED_MILLISECONDS = 24 * 60 * 60 * 1000;
/** How often a folder may be pruned between its making and its use. */
const MAX_PRUNED = 100;

/** The durable operations that a directory store is made of. */
export interface DurableFiles {
  /** A new temporary path, and the folder for it. */
  temporaryPath(): Promise<string>;
  /** Writes the bytes to a new temporary file, on the disk when it resolves. */
  writeTemporary(bytes: Uint8Array): Promise<string>;
  /** Runs `act`, which gives the file its name, in an existing folder; `prune` may remove empty folders meanwhile. */
  inFolderOf<T>(path: string, act: () => Promise<T>): Promise<T>;
  /** Puts the entry of `path` in its folder on the disk, and the folders' up to the root. */
  syncFoldersOf(path: string): Promise<void>;
  /** Removes the folders of the files, from the deepest up, as far as they are empty. */
  prune(paths: readonly string[]): Promise<void>;
  /** Removes a tree out of sight: it is gone at once, even if the removal of its files is interrupted. */
  discard(path: string): Promise<void>;
}

export function durableFiles(root: string): DurableFiles {
  const temporaryFolder = join(root, TEMPORARY);
  let ready: Promise<void> | undefined;

  const prepare = async () => {
    const made = await makeFolders(temporaryFolder);
    if (made !== undefined) {
      await Promise.all(foldersUp(temporaryFolder, dirname(made)).map(syncFolder));
    }
    await removeAbandoned(temporaryFolder);
  };

  const files: DurableFiles = {
    async temporaryPath() {
      ready ??= prepare();
      try {
        await ready;
      } catch (error) {
        ready = undefined;
        throw error;
      }
      return join(temporaryFolder, randomBytes(16).toString('hex'));
    },

    async writeTemporary(bytes) {
      const path = await files.temporaryPath();
      try {
        const file = await files.inFolderOf(path, () => open(path, 'wx', 0o600));
        try {
          await writeAll(file, bytes, 0);
          await file.datasync();
        } finally {
          await file.close();
        }
        return path;
      } catch (error) {
        await removeTemporary(path);
        throw error;
      }
    },

    async inFolderOf(path, act) {
      for (let pruned = 0; pruned < MAX_PRUNED; pruned++) {
        await makeFolders(dirname(path));
        try {
          return await act();
        } catch (error) {
          if (codeOf(error) !== 'ENOENT') throw error;
        }
      }
      throw new StoreUnavailable(
        `${path} could not be written: its folder or its temporary file is removed again and again.`,
      );
    },

    async syncFoldersOf(path) {
      await Promise.all(foldersUp(dirname(path), root).map(syncFolder));
    },

    async prune(paths) {
      const folders = new Set(paths.flatMap((path) => foldersUp(dirname(path), root)));
      folders.delete(root);
      for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
        // rmdir(2) removes empty folders only. One that stays for whatever reason does no harm.
        await rmdir(folder).catch(() => undefined);
      }
    },

    async discard(path) {
      const grave = await files.temporaryPath();
      try {
        await files.inFolderOf(grave, async () => {
          if (await exists(path)) await rename(path, grave);
        });
      } finally {
        await removeTemporary(grave);
      }
    },
  };
  return files;
}

/** Writes all bytes at `position`; one write of the system may take fewer. */
export async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Removes what is of no use any more, if it can: what became of the object does not depend on it, and it goes in a day anyway. */
export async function removeTemporary(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

export async function exists(path: string): Promise<boolean> {
  return (await statusOf(path)) !== undefined;
}

export async function isFolder(path: string): Promise<boolean> {
  return (await statusOf(path))?.isDirectory() ?? false;
}

/** The file's or the folder's status; undefined where there is neither. */
export async function statusOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Makes the folder and those above it, and returns the uppermost that was not there. Node's own `recursive` never ends where a file
 * system takes no folders but answers ENOENT, as /proc does.
 */
async function makeFolders(path: string): Promise<string | undefined> {
  const parent = dirname(path);
  let uppermost: string | undefined;
  for (let pruned = 0; pruned < MAX_PRUNED; pruned++) {
    try {
      await mkdir(path, { mode: 0o700 });
      return uppermost ?? path;
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && (await stat(path)).isDirectory()) return uppermost;
      if (codeOf(error) !== 'ENOENT' || parent === path) throw error;
    }
    uppermost = (await makeFolders(parent)) ?? uppermost;
  }
  throw new StoreRefused(
    `${path} cannot be made: the file system of ${parent} takes no new folders. Choose a directory on a disk.`,
    { identifiers: { path } },
  );
}

/** `folder` and those above it, up to and with `top`. */
function foldersUp(folder: string, top: string): string[] {
  const folders = [folder];
  for (let next = folder; next !== top && next !== dirname(next); ) {
    next = dirname(next);
    folders.push(next);
  }
  return folders;
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    // ENOENT: it was emptied and pruned since. EINVAL: a network file system whose folders cannot be synced.
    if (!['ENOENT', 'EINVAL'].includes(codeOf(error) ?? '')) throw error;
  }
}

/** What cannot be removed, another user's say, stays; it is in nobody's way. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const status = await statusOf(path);
    if (status !== undefined && Date.now() - status.mtimeMs > ABANDONED_MILLISECONDS) {
      await removeTemporary(path);
    }
  }
}
