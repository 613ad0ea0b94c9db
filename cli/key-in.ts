import { existsSync } from 'node:fs';
import { readKeyFile, writeKeyFile } from '../lib/bank/keys/key-file.ts';
import { newSecretKey, type SecretKey } from '../lib/bank/keys/key-text.ts';

/** The key in the file, or a new one that is written there. */
export async function keyIn(path: string): Promise<SecretKey> {
  if (existsSync(path)) return await readKeyFile(path);
  const key = newSecretKey();
  await writeKeyFile(path, key);
  return key;
}
