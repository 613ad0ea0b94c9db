import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isKey } from './arguments.ts';
import { isMissing } from './directory-errors.ts';
import { statusOf } from './directory-files.ts';
import type { StoredObject } from './object-store.ts';

/** Files whose size is looked up at once. */
const LOOKUPS_AT_ONCE = 64;

export interface WalkOptions {
  prefix: string;
  startAfter: string;
  signal?: AbortSignal | undefined;
}

/**
 * The objects of a directory in the order of their keys' bytes. Holds one folder per level in memory and enters only those that can
 * hold a wanted key. What other processes add or remove meanwhile may or may not be seen, as in a listing of S3.
 */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<StoredObject> {
  const lastSlash = options.prefix.lastIndexOf('/');
  yield* walkFolder(root, options.prefix.slice(0, lastSlash + 1), options);
}

/** `folder` is empty or ends with a slash. */
async function* walkFolder(
  root: string,
  folder: string,
  options: WalkOptions,
): AsyncGenerator<StoredObject> {
  const { prefix, startAfter, signal } = options;
  const wanted = (await entriesOf(root, folder)).filter(({ path, isFolder }) =>
    isFolder
      ? (path.startsWith(prefix) || prefix.startsWith(path)) &&
        (path > startAfter || startAfter.startsWith(path))
      : path.startsWith(prefix) && path > startAfter,
  );
  for (let at = 0; at < wanted.length; at += LOOKUPS_AT_ONCE) {
    const group = wanted.slice(at, at + LOOKUPS_AT_ONCE);
    const objects = await Promise.all(group.map((entry) => objectOf(root, entry)));
    for (const [index, { path, isFolder }] of group.entries()) {
      signal?.throwIfAborted();
      const object = objects[index];
      if (object !== undefined) yield object;
      if (isFolder) yield* walkFolder(root, path, options);
    }
  }
}

interface Entry {
  /** The key of a file; of a folder the beginning of its keys, with the slash: in that form both sort as the keys do. */
  path: string;
  isFolder: boolean;
}

async function entriesOf(root: string, folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const entry of await read(join(root, folder))) {
    const isFolder = entry.isDirectory();
    const path = folder + entry.name;
    if (!isKey(path) || !(isFolder || entry.isFile())) continue;
    entries.push({ path: isFolder ? `${path}/` : path, isFolder });
  }
  // Keys are ASCII, where the order of UTF-16 units is the order of bytes.
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function read(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function objectOf(
  root: string,
  { path, isFolder }: Entry,
): Promise<StoredObject | undefined> {
  const status = isFolder ? undefined : await statusOf(join(root, path));
  return status && { key: path, sizeBytes: status.size, modifiedAt: status.mtime };
}
