import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyFileUnusable } from '../../../../lib/bank/errors.ts';
import { credentialsFromEnvironment } from '../../../../lib/bank/keys/credentials.ts';
import { writeKeyFile } from '../../../../lib/bank/keys/key-file.ts';
import { newSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { InvalidInput } from '../../../../lib/errors.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snapbank-credentials-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('credentialsFromEnvironment', () => {
  it('is empty where nothing is set', async () => {
    expect(await credentialsFromEnvironment({ SNAPBANK_KEY_FILE: '' })).toEqual({});
  });

  it('reads a key file and a passphrase', async () => {
    const key = newSecretKey();
    const path = join(folder, 'key');
    await writeKeyFile(path, key);

    const credentials = await credentialsFromEnvironment({
      SNAPBANK_KEY_FILE: path,
      SNAPBANK_PASSPHRASE: 'correct horse',
    });

    expect(credentials.key?.publicKey).toEqual(key.publicKey);
    expect(credentials.passphrase).toBe('correct horse');
  });

  it('takes the first line of a passphrase file', async () => {
    const path = join(folder, 'passphrase');
    await writeFile(path, 'correct horse\r\nbattery\n', { mode: 0o600 });

    expect(await credentialsFromEnvironment({ SNAPBANK_PASSPHRASE_FILE: path })).toEqual({
      passphrase: 'correct horse',
    });
  });

  it('refuses files that are not there, an empty one, and two passphrases', async () => {
    const empty = join(folder, 'empty');
    await writeFile(empty, '\n', { mode: 0o600 });
    const of = credentialsFromEnvironment;

    await expect(of({ SNAPBANK_KEY_FILE: join(folder, 'no') })).rejects.toThrow(KeyFileUnusable);
    await expect(of({ SNAPBANK_PASSPHRASE_FILE: join(folder, 'no') })).rejects.toThrow(
      KeyFileUnusable,
    );
    await expect(of({ SNAPBANK_PASSPHRASE_FILE: empty })).rejects.toThrow(InvalidInput);
    await expect(
      of({ SNAPBANK_PASSPHRASE_FILE: empty, SNAPBANK_PASSPHRASE: 'correct horse' }),
    ).rejects.toThrow(InvalidInput);
  });

  it('refuses a passphrase file that others can read, and says what to type', async () => {
    const path = join(folder, 'open');
    await writeFile(path, 'correct horse\n');
    await chmod(path, 0o644);

    await expect(credentialsFromEnvironment({ SNAPBANK_PASSPHRASE_FILE: path })).rejects.toThrow(
      `chmod 600 ${path}`,
    );
  });
});
