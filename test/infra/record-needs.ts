import { registerOn } from '../../lib/bank/register/register.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import type { Services } from '../../lib/services.ts';
import type { LocalFunction } from '../../local/engine/execution-options.ts';
import { recordingStore } from './recording-store.ts';

/** What a function did, as `bank s3:GetObject packs/*`, `register s3:ListBucket`, `cloud`, `key`. */
export type RecordedNeeds = Map<string, Set<string>>;

/**
 * Wraps the table of the state functions so that everything each of them asks of the places, the cloud and the bank's key is noted
 * under its name.
 */
export function recordNeeds(
  stateFunctions: (services: Services) => Record<string, LocalFunction>,
  needs: RecordedNeeds,
): (services: Services) => Record<string, LocalFunction> {
  return (services) =>
    Object.fromEntries(
      Object.keys(stateFunctions(services)).map((name) => {
        return [name, stateFunctions(watched(services, name, needs))[name] as LocalFunction];
      }),
    );
}

/** Services that note under a name what is asked of them. */
export function watched(services: Services, name: string, needs: RecordedNeeds): Services {
  const noted = needs.get(name) ?? new Set<string>();
  return watch(services, (need) => {
    noted.add(need);
    needs.set(name, noted);
  });
}

function watch(services: Services, note: (need: string) => void): Services {
  const place = (name: keyof BankPlaces) =>
    recordingStore(services.places[name], (action, keyClass) => {
      note(`${name} ${action} ${keyClass}`.trim());
    });
  const places = { bank: place('bank'), register: place('register'), work: place('work') };
  return {
    ...services,
    places,
    async openstack() {
      note('cloud');
      return await services.openstack();
    },
    async bank() {
      note('key');
      return { ...(await services.bank()), places };
    },
    async register() {
      note('key');
      return registerOn({ ...(await services.register()), store: places.register });
    },
  };
}
