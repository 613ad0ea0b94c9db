import { type BankCredentials, credentialsFromEnvironment } from './bank/keys/credentials.ts';
import { BANK_FILE_KEY } from './bank/object-keys.ts';
import { openBank } from './bank/open-bank.ts';
import type { BankPlaces } from './bank/places.ts';
import type { ExecutionProcess } from './bank/register/record.ts';
import { registerOn } from './bank/register/register.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Log } from './log.ts';
import { once } from './once.ts';
import type { CloudConfig } from './openstack/cloud-config.ts';
import { connectOpenStack } from './openstack/connect.ts';
import type { ProgressEvent, Services } from './services.ts';
import { settingsFromEnvironment } from './settings.ts';

export interface ServiceParts {
  env: Readonly<Record<string, string | undefined>>;
  places: BankPlaces;
  /** Called once, when the cloud is first needed. */
  cloudConfig(): Promise<CloudConfig>;
  /** Called once, when the bank is first needed; what the environment names unless given. */
  bankCredentials?: () => Promise<BankCredentials>;
  log: Log;
  clock?: Clock;
  process?: ExecutionProcess | undefined;
  progress?: (event: ProgressEvent) => void;
}

/** Where there is no bank at all, that is what people need to be told, not that its key file is not there yet. */
async function credentialsFor({
  places,
  env,
  bankCredentials = async () => await credentialsFromEnvironment(env),
}: ServiceParts): Promise<BankCredentials> {
  try {
    return await bankCredentials();
  } catch (error) {
    if ((await places.bank.size(BANK_FILE_KEY)) === undefined) return {};
    throw error;
  }
}

/** Services that open bank and cloud on first use, and only once. */
export function makeServices(parts: ServiceParts): Services {
  const { env, places, log } = parts;
  const clock = parts.clock ?? systemClock;
  const bank = once(async () => await openBank(places, await credentialsFor(parts)));
  return {
    settings: settingsFromEnvironment(env),
    clock,
    log,
    places,
    bank,
    openstack: once(async () => connectOpenStack(await parts.cloudConfig(), { clock, log })),
    register: once(async () => {
      // The bank's own, not the place itself: it may be for reading only.
      const { places: opened, keys } = await bank();
      return registerOn({
        store: opened.register,
        nameKey: keys.nameKey,
        clock,
        log,
        ...(parts.process === undefined ? {} : { process: parts.process }),
      });
    }),
    progress: parts.progress ?? (() => {}),
    ...(parts.process === undefined ? {} : { process: parts.process }),
  };
}
