import { Agent } from 'node:http';
import axios from 'axios';
import { SnapbankError } from './errors.ts';

/** A secret of a function cannot be read. */
export class SecretUnavailable extends SnapbankError {
  static readonly when =
    'A function cannot read the secret that holds the credentials of the cloud, or the key of the bank.';
  static readonly remedy =
    'Check that the secret exists, that the function may read it, and that it has the extension layer for secrets.';
  override readonly name = 'SecretUnavailable' as const;
}

/** The AWS Parameters and Secrets Lambda Extension answers on this machine alone, and caches. */
const EXTENSION_PORT = '2773';
const TIMEOUT_MILLISECONDS = 10_000;
/** A function sleeps between its calls; a connection that was kept would be dead when it wakes up. */
const oneConnectionACall = new Agent({ keepAlive: false });

/**
 * The text of a secret of Secrets Manager, by its name or ARN, through the Parameters and Secrets extension of a Lambda function.
 * Throws `SecretUnavailable`, which never shows it.
 */
export async function functionSecret(
  env: Readonly<Record<string, string | undefined>>,
  secretId: string,
): Promise<string> {
  const port = env['PARAMETERS_SECRETS_EXTENSION_HTTP_PORT'] ?? EXTENSION_PORT;
  const url = `http://localhost:${port}/secretsmanager/get?secretId=${encodeURIComponent(secretId)}`;
  const answer = await axios
    .get<{ SecretString?: string }>(url, {
      headers: { 'X-Aws-Parameters-Secrets-Token': env['AWS_SESSION_TOKEN'] ?? '' },
      timeout: TIMEOUT_MILLISECONDS,
      httpAgent: oneConnectionACall,
      proxy: false,
      validateStatus: () => true,
    })
    .catch((error: unknown) => {
      // An error of axios carries the request's headers, and with them the session token.
      throw unavailable(secretId, error instanceof Error ? error.message : 'no answer');
    });
  const secret = answer.data.SecretString;
  if (answer.status !== 200 || secret === undefined) {
    throw unavailable(secretId, `status ${String(answer.status)}`);
  }
  return secret;
}

function unavailable(secretId: string, why: string): SecretUnavailable {
  return new SecretUnavailable(`The secret ${secretId} cannot be read: ${why}.`, {
    identifiers: { secretId },
  });
}
