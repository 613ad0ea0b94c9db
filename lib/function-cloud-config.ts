import axios from 'axios';
import { InvalidInput, SnapbankError } from './errors.ts';
import { type CloudConfig, cloudConfigFromSecret } from './openstack/cloud-config.ts';

/** The secret with the cloud's credentials cannot be read. */
export class SecretUnavailable extends SnapbankError {
  static readonly when =
    'A function cannot read the secret that holds the credentials of the cloud.';
  static readonly remedy =
    'Check that the secret exists, that the function may read it, and that it has the extension layer for secrets.';
  override readonly name = 'SecretUnavailable' as const;
}

/** The AWS Parameters and Secrets Lambda Extension answers on this machine alone, and caches. */
const EXTENSION_PORT = '2773';
const TIMEOUT_MILLISECONDS = 10_000;

/**
 * The cloud of a function: the secret named by SNAPBANK_CLOUD_SECRET, read through the Parameters and Secrets extension, holds an entry
 * of clouds.yaml as JSON. Throws `InvalidInput`, `SecretUnavailable`, neither of which shows the secret.
 */
export async function functionCloudConfig(
  env: Readonly<Record<string, string | undefined>>,
): Promise<CloudConfig> {
  const secretId = env['SNAPBANK_CLOUD_SECRET'];
  if (secretId === undefined || secretId === '') {
    throw new InvalidInput(
      'SNAPBANK_CLOUD_SECRET is not set: it names the secret that holds the credentials of the cloud.',
    );
  }
  const port = env['PARAMETERS_SECRETS_EXTENSION_HTTP_PORT'] ?? EXTENSION_PORT;
  const url = `http://localhost:${port}/secretsmanager/get?secretId=${encodeURIComponent(secretId)}`;
  const answer = await axios
    .get<{ SecretString?: string }>(url, {
      headers: { 'X-Aws-Parameters-Secrets-Token': env['AWS_SESSION_TOKEN'] ?? '' },
      timeout: TIMEOUT_MILLISECONDS,
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
  return await cloudConfigFromSecret(secret, { env });
}

function unavailable(secretId: string, why: string): SecretUnavailable {
  return new SecretUnavailable(`The secret ${secretId} cannot be read: ${why}.`, {
    identifiers: { secretId },
  });
}
