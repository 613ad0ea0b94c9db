import { InvalidInput } from './errors.ts';
import { functionSecret } from './function-secret.ts';
import { type CloudConfig, cloudConfigFromSecret } from './openstack/cloud-config.ts';

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
  return await cloudConfigFromSecret(await functionSecret(env, secretId), { env });
}
