import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { DeadlineExceeded } from '../lib/errors.ts';
import { attachedVolumes } from '../lib/restore/attached-volume.ts';
import { hasBooted } from '../lib/restore/boot-proof.ts';
import { ServerNotStarted } from '../lib/restore/errors.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { nextWaitSeconds } from '../lib/protect/snapshot.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Copying the image to the compute host and starting: as long as a snapshot of it may take. */
const DEADLINE_SECONDS = 4 * 3600;

/** Looks once whether the restored server runs and, where it is to prove that its checkpoint boots, whether it has. */
export const pollServer = stateFunction({
  name: 'PollServer',
  input: z.strictObject({ plan: RestorePlan, serverId: z.string() }),
  async run(services, { plan, serverId }, { signal }) {
    const openstack = await services.openstack();
    const server = await openstack.servers.show(serverId, { signal });
    const identifiers = { serverId };
    if (server.status === 'ERROR') {
      throw new ServerNotStarted(
        `The restored server ${serverId} went to ERROR: ${server.fault?.message ?? 'Nova says no more'}.`,
        { identifiers },
      );
    }
    const createdAt = server.createdAt ?? new Date(services.clock.now()).toISOString();
    const now = services.clock.now();
    if (now - Date.parse(createdAt) > DEADLINE_SECONDS * 1000) {
      throw new DeadlineExceeded(
        `The restored server ${serverId} is still ${server.status} after ${String(DEADLINE_SECONDS)} s.`,
        { identifiers },
      );
    }
    const isActive = server.status === 'ACTIVE' && server.taskState === null;
    const { proof } = plan;
    const ready =
      isActive && (proof === null || (await hasBooted(openstack, server, proof, { now, signal })));
    return {
      ready,
      volumes: ready ? await attachedVolumes(openstack, plan, serverId, signal) : [],
      waitSeconds: nextWaitSeconds(createdAt, now),
    };
  },
});

export const handler = handlerOf(pollServer);
