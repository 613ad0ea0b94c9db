import { parseSecretKey } from '../../lib/bank/keys/key-text.ts';
import { bankLocations, openPlaces } from '../../lib/bank/open-places.ts';
import { InvalidInput } from '../../lib/errors.ts';
import { functionLog } from '../../lib/function-log.ts';
import { makeServices } from '../../lib/make-services.ts';
import { cloudConfigFromSecret } from '../../lib/openstack/cloud-config.ts';
import type { ProgressEvent, Services } from '../../lib/services.ts';

type Environment = Record<string, string | undefined>;

const PROGRESS_MILLISECONDS = 60_000;

/**
 * The services of a container: places as functions find them, and the secrets that ECS puts into SNAPBANK_CLOUD and SNAPBANK_KEY, from
 * where they are taken.
 */
export function containerServices(env: Environment): Services {
  const cloud = taken(env, 'SNAPBANK_CLOUD');
  const key = taken(env, 'SNAPBANK_KEY');
  if (cloud === undefined) {
    throw new InvalidInput(
      "SNAPBANK_CLOUD is not set: the task definition puts the secret with the cloud's credentials there.",
    );
  }
  const log = functionLog();
  return makeServices({
    env,
    places: openPlaces(bankLocations(env), { env }),
    cloudConfig: async () => await cloudConfigFromSecret(cloud, { env }),
    bankCredentials: () => Promise.resolve(key === undefined ? {} : { key: parseSecretKey(key) }),
    log,
    progress: progressLines((fields) => log.info('Under way', fields)),
  });
}

/** A secret stays in no environment, which anything that prints it would show. */
function taken(env: Environment, name: string): string | undefined {
  const value = env[name];
  Reflect.deleteProperty(env, name);
  return value === '' ? undefined : value;
}

/** One line a minute of a pass that takes hours. */
function progressLines(write: (fields: Record<string, unknown>) => void) {
  let bytes = 0;
  let saidAt = Date.now();
  return ({ subject, phase, advancedBytes, totalBytes }: ProgressEvent) => {
    bytes += advancedBytes;
    if (Date.now() - saidAt < PROGRESS_MILLISECONDS) return;
    saidAt = Date.now();
    write({ subject, phase, bytes, totalBytes });
  };
}
