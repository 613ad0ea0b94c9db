import { rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../clock.ts';
import {
  validateKey,
  validatePart,
  validatePartCount,
  validatePrefix,
  validateRange,
} from './arguments.ts';
import { codeOf, directoryError, isMissing } from './directory-errors.ts';
import { durableFiles, removeTemporary, statusOf } from './directory-files.ts';
import { ObjectLockUnavailable } from './errors.ts';
import { linkIfAbsent } from './directory-link.ts';
import { readObject } from './directory-read.ts';
import { directoryUploads } from './directory-uploads.ts';
import { walk } from './directory-walk.ts';
import type { CallOptions, ObjectStore } from './object-store.ts';

/** Files deleted at once. */
const DELETIONS_AT_ONCE = 32;

export interface DirectoryStoreOptions {
  /** Dates uploads. */
  clock?: Clock;
}

/**
 * A store in a directory: a key is the path of a file. A file is written under another name, synced, and then renamed (`put`) or
 * linked (`putIfAbsent`: link(2) fails where the name exists, on every POSIX file system), and the folders are synced; so it is whole
 * or not there, also after a power cut. The directory is made by the first write (0700, files 0600) and must be one file system.
 */
export function directoryStore(
  path: string,
  { clock = systemClock }: DirectoryStoreOptions = {},
): ObjectStore {
  const root = resolve(path);
  const files = durableFiles(root);
  const uploads = directoryUploads(root, files, clock);

  const call = async <T>(
    verb: string,
    key: string,
    options: CallOptions | undefined,
    act: (file: string) => Promise<T>,
  ): Promise<T> => {
    options?.signal?.throwIfAborted();
    validateKey(key);
    const file = join(root, key);
    try {
      return await act(file);
    } catch (error) {
      throw directoryError(error, `${verb} ${key}`, file);
    }
  };

  return {
    location: root,

    put: (key, body, options) =>
      call('Writing', key, options, async (file) => {
        if (options?.retention !== undefined) throw cannotLock(root);
        const temporary = await files.writeTemporary(body);
        try {
          options?.signal?.throwIfAborted();
          await files.inFolderOf(file, () => rename(temporary, file));
        } catch (error) {
          await removeTemporary(temporary);
          throw error;
        }
        await files.syncFoldersOf(file);
      }),

    putIfAbsent: (key, body, options) =>
      call('Creating', key, options, async (file) => {
        const temporary = await files.writeTemporary(body);
        try {
          options?.signal?.throwIfAborted();
          return await linkIfAbsent(files, temporary, file);
        } finally {
          await removeTemporary(temporary);
        }
      }),

    get: (key, options) =>
      call('Reading', key, options, async () => {
        if (options?.range !== undefined) validateRange(options.range);
        return await readObject(root, key, options?.range);
      }),

    size: (key, options) =>
      call('Looking up', key, options, async (file) => {
        const status = await statusOf(file);
        return status?.isFile() === true ? status.size : undefined;
      }),

    async *list(prefix, options = {}) {
      options.signal?.throwIfAborted();
      validatePrefix(prefix);
      const { startAfter = '', signal } = options;
      try {
        yield* walk(root, { prefix, startAfter, signal });
      } catch (error) {
        throw directoryError(error, `Listing ${prefix}`, root);
      }
    },

    async delete(keys, options) {
      for (const key of keys) validateKey(key);
      for (let at = 0; at < keys.length; at += DELETIONS_AT_ONCE) {
        const group = keys.slice(at, at + DELETIONS_AT_ONCE);
        await Promise.all(group.map((key) => call('Deleting', key, options, unlinkIfPresent)));
        await files.prune(group.map((key) => join(root, key)));
      }
    },

    startUpload: (key, options) => call('Starting', key, options, () => uploads.start(key)),

    putPart: (upload, part, body, options) =>
      call(`Writing part ${part.number} of`, upload.key, options, () => {
        validatePart(part, body);
        return uploads.putPart(upload, part, body);
      }),

    completeUpload: (upload, partCount, options) =>
      call('Completing', upload.key, options, () => {
        validatePartCount(partCount);
        return uploads.complete(upload, partCount);
      }),

    abortUpload: (upload, options) =>
      call('Aborting', upload.key, options, () => uploads.abort(upload)),

    async *listUploads(prefix, options) {
      options?.signal?.throwIfAborted();
      validatePrefix(prefix);
      try {
        for await (const upload of uploads.list()) {
          options?.signal?.throwIfAborted();
          if (upload.key.startsWith(prefix)) yield upload;
        }
      } catch (error) {
        throw directoryError(error, 'Listing uploads', root);
      }
    },

    async presign() {
      return undefined;
    },
  };
}

function cannotLock(location: string): ObjectLockUnavailable {
  return new ObjectLockUnavailable(`${location} is a directory: it cannot lock what is in it.`, {
    identifiers: { location },
  });
}

async function unlinkIfPresent(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    // EISDIR: a folder of other keys; there is no object of this one.
    if (!isMissing(error) && codeOf(error) !== 'EISDIR') throw error;
  }
}
