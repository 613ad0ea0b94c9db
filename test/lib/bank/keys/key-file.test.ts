import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyFileUnusable } from '../../../../lib/bank/errors.ts';
import { readKeyFile, writeKeyFile } from '../../../../lib/bank/keys/key-file.ts';
import { newSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { InvalidInput } from '../../../../lib/errors.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snapbank-key-'));
  path = join(folder, 'bank.key');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('key files', () => {
  it('are written for their owner only, and read back', async () => {
    const key = newSecretKey();

    await writeKeyFile(path, key);

    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readKeyFile(path)).publicKey).toEqual(key.publicKey);
    expect(await readFile(path, 'utf8')).toContain(`# Public key: ${key.publicText}`);
  });

  it.each([0o640, 0o604, 0o660])('are refused with mode %o', async (mode) => {
    await writeKeyFile(path, newSecretKey());
    await chmod(path, mode);

    await expect(readKeyFile(path)).rejects.toThrow(KeyFileUnusable);
    await expect(readKeyFile(path)).rejects.toThrow(/chmod 600/);
  });

  it('are never overwritten', async () => {
    await writeKeyFile(path, newSecretKey());
    const before = await readFile(path);

    await expect(writeKeyFile(path, newSecretKey())).rejects.toThrow(KeyFileUnusable);

    expect(await readFile(path)).toEqual(before);
  });

  it('are refused when they are missing, too large, or hold no key', async () => {
    const large = join(folder, 'large');
    const other = join(folder, 'other');
    await writeFile(large, Buffer.alloc(100_000), { mode: 0o600 });
    await writeFile(other, 'not a key', { mode: 0o600 });

    await expect(readKeyFile(path)).rejects.toThrow(KeyFileUnusable);
    await expect(readKeyFile(large)).rejects.toThrow(KeyFileUnusable);
    await expect(readKeyFile(other)).rejects.toThrow(InvalidInput);
  });
});
