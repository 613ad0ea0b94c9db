import type { BankCredentials } from './bank/keys/credentials.ts';
import { parseSecretKey } from './bank/keys/key-text.ts';
import { functionSecret } from './function-secret.ts';

/**
 * What a function opens the bank with: the secret named by SNAPBANK_KEY_SECRET holds the text of a key file. Nothing where none is
 * named: the bank is unsealed. Throws `SecretUnavailable`, and what `parseSecretKey` throws for a text that is no key.
 */
export async function functionBankCredentials(
  env: Readonly<Record<string, string | undefined>>,
): Promise<BankCredentials> {
  const secretId = env['SNAPBANK_KEY_SECRET'] ?? '';
  return secretId === '' ? {} : { key: parseSecretKey(await functionSecret(env, secretId)) };
}
