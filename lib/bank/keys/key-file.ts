import { type FileHandle, open } from 'node:fs/promises';
import { KeyFileUnusable } from '../errors.ts';
import { formatSecretKey, parseSecretKey, type SecretKey } from './key-text.ts';
import { readPrivateFile, reasonOf } from './private-file.ts';

/** Writes a key file that only its owner can read. Never overwrites a file: it may be the only key of another bank. */
export async function writeKeyFile(path: string, key: SecretKey): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    throw new KeyFileUnusable(`The key file ${path} cannot be created: ${reasonOf(error)}.`, {
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

/** Reads a key file, unless others could read it too. */
export async function readKeyFile(path: string): Promise<SecretKey> {
  return parseSecretKey(await readPrivateFile('key file', path));
}
