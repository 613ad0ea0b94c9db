import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { KeyFileUnusable } from '../errors.ts';

const OTHERS_MAY_READ = 0o077;
const MAX_BYTES = 16 * 1024;

/** Text of a small file that holds a secret. Throws `KeyFileUnusable`, also when users other than its owner could read it. */
export async function readPrivateFile(what: string, path: string): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY);
  } catch (error) {
    throw new KeyFileUnusable(`The ${what} ${path} cannot be read: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
  try {
    const { mode, size } = await file.stat();
    // Windows has no such bits; its stat reports them all.
    if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0) {
      throw new KeyFileUnusable(
        `The ${what} ${path} can be read by other users. Run: chmod 600 ${path}`,
      );
    }
    if (size > MAX_BYTES) {
      throw new KeyFileUnusable(`${path} has ${size} bytes; it is no ${what}.`);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
