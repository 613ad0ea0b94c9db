import { existsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { readBankFile } from '../lib/bank/bank-file.ts';
import { readKeyFile, writeKeyFile } from '../lib/bank/keys/key-file.ts';
import { newSecretKey, type SecretKey } from '../lib/bank/keys/key-text.ts';
import { readKeyRing } from '../lib/bank/keys/ring-store.ts';
import type { BankPlaces } from '../lib/bank/places.ts';
import type { Output } from './output.ts';
import { printable } from './terminal/printable.ts';

/** A key file that a command was given. */
export interface KeyFile {
  readonly path: string;
  readonly key: SecretKey;
  /** By this command. */
  readonly made: boolean;
}

export interface KeyFileUse {
  readonly places: BankPlaces;
  /** Whether a file stays when the command failed and nobody can say whether its key is in use by now. */
  readonly keepInDoubt: boolean;
  readonly output: Output;
}

/**
 * Runs what puts keys to use; `keyIn` reads the key in a file, or makes a new one there. When it fails, a file that was made for it is
 * removed again, unless the bank knows its key by then.
 */
export async function withKeyFiles<T>(
  { places, keepInDoubt, output }: KeyFileUse,
  use: (keyIn: (path: string) => Promise<KeyFile>) => Promise<T>,
): Promise<T> {
  const made: KeyFile[] = [];
  const keyIn = async (path: string): Promise<KeyFile> => {
    if (existsSync(path)) return { path, key: await readKeyFile(path), made: false };
    const file = { path, key: newSecretKey(), made: true };
    await writeKeyFile(path, file.key);
    made.push(file);
    return file;
  };
  try {
    return await use(keyIn);
  } catch (error) {
    for (const { path, key } of made) {
      const stays = await knows(places, key).catch(() => keepInDoubt);
      if (stays)
        output.warn(printable(`snapbank: The new key file ${path} stays: it may be in use.`));
      else
        await unlink(path).catch(() =>
          output.warn(printable(`snapbank: ${path} was left behind.`)),
        );
    }
    throw error;
  }
}

async function knows(places: BankPlaces, { publicKey }: SecretKey): Promise<boolean> {
  const file = await readBankFile(places.bank);
  if (file === undefined) return false;
  const stored = await readKeyRing(places, file.bankId);
  const text = publicKey.toString('base64url');
  return stored?.ring.slots.some(({ holder }) => holder.publicKey === text) ?? false;
}
