import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { KeyFileUnusable } from '../errors.ts';
import { formatSecretKey, parseSecretKey, type SecretKey } from './key-text.ts';

const OTHERS_MAY_READ = 0o077;
const MAX_KEY_FILE_BYTES = 16 * 1024;

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
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY);
  } catch (error) {
    throw new KeyFileUnusable(`The key file ${path} cannot be read: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
  try {
    const { mode, size } = await file.stat();
    // Windows has no such bits; its stat reports them all.
    if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0) {
      throw new KeyFileUnusable(
        `The key file ${path} can be read by other users; run \`chmod 600\` on it.`,
      );
    }
    if (size > MAX_KEY_FILE_BYTES) {
      throw new KeyFileUnusable(`${path} has ${size} bytes; it is no key file.`);
    }
    return parseSecretKey(await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
