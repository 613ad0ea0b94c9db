import { randomBytes, scrypt } from 'node:crypto';
import * as z from 'zod';
import { InvalidInput } from '../../errors.ts';
import { SecretKey } from './key-text.ts';
import { KEY_BYTES, privateKeyOf } from './x25519.ts';

const MIN_PASSPHRASE_CHARACTERS = 8;
const SALT_BYTES = 16;

/** How much work a guess costs. The bounds keep a forged key ring from asking for all memory. */
export const ScryptCost = z.strictObject({
  N: z
    .int()
    .min(2)
    .max(1 << 20)
    .refine((n) => Number.isInteger(Math.log2(n)), 'a power of two'),
  r: z.int().min(1).max(16),
  p: z.int().min(1).max(4),
});
export type ScryptCost = z.infer<typeof ScryptCost>;

export const ScryptParameters = z
  .strictObject({ ...ScryptCost.shape, salt: z.string().regex(/^[A-Za-z0-9_-]{22}$/) })
  .refine(({ N, r }) => memoryBytes({ N, r }) <= 1 << 29, 'at most 512 MiB');
export type ScryptParameters = z.infer<typeof ScryptParameters>;

/** 128 MiB and some tenths of a second a guess. */
const STRONG_COST: ScryptCost = { N: 1 << 17, r: 8, p: 1 };

/** Throws `InvalidInput` for a passphrase that is no protection. */
export function newScryptParameters(
  passphrase: string,
  cost: ScryptCost = STRONG_COST,
): ScryptParameters {
  if (passphrase.length < MIN_PASSPHRASE_CHARACTERS) {
    throw new InvalidInput(
      `The passphrase must have at least ${MIN_PASSPHRASE_CHARACTERS} characters.`,
    );
  }
  return { ...cost, salt: randomBytes(SALT_BYTES).toString('base64url') };
}

/**
 * The access key that a passphrase stands for. Being a key pair, it lets the ring be rewritten for its holder
 * without the passphrase.
 */
export async function keyOfPassphrase(
  passphrase: string,
  { N, r, p, salt }: ScryptParameters,
): Promise<SecretKey> {
  // The same passphrase must work whichever way a keyboard composes its letters.
  const text = passphrase.normalize('NFKC');
  const raw = await new Promise<Buffer>((resolve, reject) => {
    const options = { N, r, p, maxmem: memoryBytes({ N, r }) * 2 };
    scrypt(text, Buffer.from(salt, 'base64url'), KEY_BYTES, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
  return new SecretKey(privateKeyOf(raw));
}

function memoryBytes({ N, r }: { N: number; r: number }): number {
  return 128 * N * r;
}
