import { bankLocations, openPlaces } from './bank/open-places.ts';
import { makeServices } from './make-services.ts';
import { functionBankCredentials } from './function-bank-credentials.ts';
import { functionLog } from './function-log.ts';
import { functionCloudConfig } from './function-cloud-config.ts';
import type { Services } from './services.ts';

let services: Services | undefined;

/** Has the next call open the bank anew: its keys were changed since. */
export function forgetServices(): void {
  services = undefined;
}

/**
 * The services of a Lambda function, made at its first call and kept for the next ones: places from SNAPBANK_BANK, SNAPBANK_REGISTER
 * and SNAPBANK_WORK, the cloud from the secret that SNAPBANK_CLOUD_SECRET names, the bank's key from the one of SNAPBANK_KEY_SECRET.
 */
export function servicesFromEnvironment(): Services {
  const { env } = process;
  services ??= makeServices({
    env,
    places: openPlaces(bankLocations(env), { env }),
    cloudConfig: async () => await functionCloudConfig(env),
    bankCredentials: async () => await functionBankCredentials(env),
    log: functionLog(),
  });
  return services;
}
