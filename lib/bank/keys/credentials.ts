import { InvalidInput } from '../../errors.ts';
import { readKeyFile } from './key-file.ts';
import type { SecretKey } from './key-text.ts';
import { readPrivateFile } from './private-file.ts';

/** What a caller has to open a sealed bank with; nothing for an unsealed one. */
export interface BankCredentials {
  readonly key?: SecretKey;
  readonly passphrase?: string;
}

/**
 * The credentials that the environment names: `SNAPBANK_KEY_FILE`, and `SNAPBANK_PASSPHRASE` or `SNAPBANK_PASSPHRASE_FILE` (its first
 * line). Throws `KeyFileUnusable` or `InvalidInput` when a named file cannot be used, or others could read it.
 */
export async function credentialsFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Promise<BankCredentials> {
  const keyFile = env['SNAPBANK_KEY_FILE'] ?? '';
  const passphrase = env['SNAPBANK_PASSPHRASE'] ?? '';
  const passphraseFile = env['SNAPBANK_PASSPHRASE_FILE'] ?? '';
  if (passphrase !== '' && passphraseFile !== '') {
    throw new InvalidInput('Give SNAPBANK_PASSPHRASE or SNAPBANK_PASSPHRASE_FILE, not both.');
  }
  return {
    ...(keyFile === '' ? {} : { key: await readKeyFile(keyFile) }),
    ...(passphrase === '' ? {} : { passphrase }),
    ...(passphraseFile === '' ? {} : { passphrase: await firstLine(passphraseFile) }),
  };
}

async function firstLine(path: string): Promise<string> {
  const line = (await readPrivateFile('passphrase file', path)).split(/\r?\n/, 1)[0] ?? '';
  if (line === '') throw new InvalidInput(`The passphrase file ${path} is empty.`);
  return line;
}
