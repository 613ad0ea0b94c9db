import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import { selectServers } from '../protect/select-servers.ts';
import type { Services } from '../services.ts';
import { type Plan, requestOf } from './plan.ts';

/** How old the newest good checkpoints of a plan's servers are. */
export interface PlanAges {
  plan: string;
  servers: number;
  /** Servers of the plan that have no good checkpoint at all. */
  unprotected: number;
  /** Of the server whose newest good checkpoint is oldest; null where none has one. */
  oldestHours: number | null;
}

/** Looks at the register and at the servers as the plans choose them now. */
export async function agesOfPlans(
  services: Services,
  plans: readonly Plan[],
  signal: AbortSignal,
): Promise<PlanAges[]> {
  const [openstack, newest] = await Promise.all([
    services.openstack(),
    newestCheckpoints(services, signal),
  ]);
  const now = services.clock.now();
  const ages: PlanAges[] = [];
  for (const plan of plans) {
    const servers = await selectServers(openstack, requestOf(plan), {
      signal,
      keepUnknownNames: true,
    });
    const times = servers.map(({ id }) => newest.get(id)).filter((time) => time !== undefined);
    ages.push({
      plan: plan.name,
      servers: servers.length,
      unprotected: servers.length - times.length,
      oldestHours: times.length === 0 ? null : (now - times.reduce(earlier)) / 3_600_000,
    });
  }
  return ages;
}

/** By server: when its newest good checkpoint was opened, which is what it holds the data of. */
async function newestCheckpoints(
  services: Services,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  for await (const record of listCheckpoints(await services.register(), { signal })) {
    if (record.state !== 'COMMITTED') continue;
    const { serverId } = record.server;
    newest.set(serverId, Math.max(newest.get(serverId) ?? 0, Date.parse(record.createdAt)));
  }
  return newest;
}

function earlier(one: number, other: number): number {
  return Math.min(one, other);
}
