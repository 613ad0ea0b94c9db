import { randomBytes } from 'node:crypto';
import { provePutIfAbsent } from '../bank/store/probe.ts';
import type { Services } from '../services.ts';

/** One thing that must be right before a backup can be. */
export interface SetupCheck {
  name: string;
  /** What was found, for people. Throws what is wrong. */
  run: (signal: AbortSignal) => Promise<SetupFinding>;
}

export interface SetupFinding {
  status: 'ok' | 'warning';
  detail: string;
}

/** Leases are an hour, and S3 refuses requests that are 15 minutes off: a minute is still harmless, but a sign. */
const SKEW_WARNING_MILLISECONDS = 60_000;

/** The checks of bank and cloud, in the order in which they build on each other. */
export function setupChecks(services: Services): SetupCheck[] {
  const { places, clock } = services;
  return [
    {
      name: 'bank',
      async run() {
        const { bankId, sealed, access, isCopy, home } = (await services.bank()).info;
        if (isCopy && home !== undefined) {
          const detail = `${bankId}, a copy of the one at ${home.bank} with the register at ${home.register}: read, not written (snapbank bank adopt)`;
          return { status: 'warning', detail };
        }
        if (!sealed)
          return { status: 'warning', detail: `${bankId}, UNSEALED: nothing is encrypted` };
        const may = access === 'reader' ? 'back up and restore' : 'back up, not restore';
        return ok(`${bankId} at ${places.bank.location}; the key may ${may}`);
      },
    },
    {
      name: 'register',
      async run(signal) {
        const { isCopy, home } = (await services.bank()).info;
        if (isCopy) return ok(`${places.register.location} belongs to the bank; it is not written`);
        await provePutIfAbsent(places.register, { signal });
        if (home === undefined) {
          const detail = `${places.register.location} does not say where it and the bank lie, so that a copy is not told from them: snapbank bank adopt notes it`;
          return { status: 'warning', detail };
        }
        return ok(`${places.register.location} belongs to the bank and keeps put-if-absent`);
      },
    },
    {
      name: 'work place',
      async run(signal) {
        const aheadMilliseconds = await storeAhead(services, signal);
        return skew(places.work.location, aheadMilliseconds);
      },
    },
    {
      name: 'cloud',
      async run(signal) {
        const openstack = await services.openstack();
        const { cloud, region, projectName } = await openstack.identity({ signal });
        const ahead = await openstack.clockAheadMs({ signal });
        return skew(`${cloud}, region ${region}, project ${projectName}`, ahead ?? 0);
      },
    },
    service('compute', async (signal) => {
      const openstack = await services.openstack();
      return { first: openstack.servers.list({}, { signal }), what: 'servers' };
    }),
    service('image', async (signal) => {
      const openstack = await services.openstack();
      return { first: openstack.images.list({}, { signal }), what: 'images' };
    }),
    {
      name: 'network',
      async run(signal) {
        const networks = await (await services.openstack()).network.networks({ signal });
        return ok(`lists ${String(networks.length)} networks`);
      },
    },
  ];

  function skew(what: string, aheadMilliseconds: number): SetupFinding {
    if (Math.abs(aheadMilliseconds) < SKEW_WARNING_MILLISECONDS) return ok(`${what}; clocks agree`);
    const seconds = String(Math.round(Math.abs(aheadMilliseconds) / 1000));
    const way = aheadMilliseconds > 0 ? 'ahead of' : 'behind';
    return {
      status: 'warning',
      detail: `${what}: its clock is ${seconds} s ${way} this computer's (${new Date(clock.now()).toISOString()}). Set the clocks by NTP.`,
    };
  }
}

function ok(detail: string): SetupFinding {
  return { status: 'ok', detail };
}

function service(
  name: string,
  ask: (signal: AbortSignal) => Promise<{ first: AsyncIterable<unknown>; what: string }>,
): SetupCheck {
  return {
    name,
    async run(signal) {
      const { first, what } = await ask(signal);
      // One page tells that the endpoint answers and the credentials are let in.
      for await (const _ of first) break;
      return ok(`lists ${what}`);
    },
  };
}

/** Writes, lists and deletes a small object; how far the store's clock is ahead, by the object's date. */
async function storeAhead({ places: { work }, clock }: Services, signal: AbortSignal) {
  const key = `doctor/${randomBytes(8).toString('hex')}`;
  const before = clock.now();
  await work.put(key, Buffer.from('snapbank doctor'), { signal });
  const midway = (before + clock.now()) / 2;
  try {
    for await (const object of work.list(key, { signal })) {
      return object.modifiedAt.getTime() - midway;
    }
    throw new TypeError(`${work.location} does not list what was just written.`);
  } finally {
    await work.delete([key]);
  }
}
