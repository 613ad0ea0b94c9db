import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeyFileUnusable } from '../errors.ts';
import { formatSecretKey, parseSecretKey, type SecretKey } from './key-text.ts';
import { readPrivateFile, reasonOf } from './private-file.ts';

/** Writes a key file that only its owner can read. Never overwrites a file: it may be the only key of another bank. */
export async function writeKeyFile(path: string, key: SecretKey): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    throw new KeyFileUnusable(`The key file ${path} cannot be made: ${whyNotMade(path, error)}`, {
      cause: error,
    });
  }
  try {
    await file.writeFile(
      `# Secret key of a snapbank bank. Keep a copy where the bank is not: without it nothing can be restored.\n` +
        `# Public key: ${key.publicText}\n` +
        `${formatSecretKey(key)}\n`,
    );
    await file.sync();
  } finally {
    await file.close();
  }
}

function whyNotMade(path: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') {
    return 'there is something of that name, and it is never overwritten, since it may be the only key of a bank. Give another path.';
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return `there is no directory ${dirname(path)}. Make it first, or give another path.`;
  }
  return `${reasonOf(error)}.`;
}

/** Reads a key file, unless others could read it too. */
export async function readKeyFile(path: string): Promise<SecretKey> {
  return parseSecretKey(await readPrivateFile('key file', path));
}
