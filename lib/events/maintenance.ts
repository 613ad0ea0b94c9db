import * as z from 'zod';
import { InvalidInput } from '../errors.ts';
import { selectServers } from '../protect/select-servers.ts';
import { KeepRules } from '../prune/keep-rules.ts';
import { PruneRequest } from '../prune/request.ts';
import type { Services } from '../services.ts';
import { VerifyLevel, VerifyRequest } from '../verify/request.ts';
import { type Plan, requestOf } from './plan.ts';

/** What is done to the checkpoints of a plan by the clock, beside making them. */
export const MaintenanceTask = z.discriminatedUnion('machine', [
  z.strictObject({
    machine: z.literal('verify'),
    level: VerifyLevel.optional(),
    samplePercent: VerifyRequest.shape.sample_percent,
  }),
  z.strictObject({ machine: z.literal('prune'), keep: KeepRules, timeZone: z.string() }),
  z.strictObject({ machine: z.literal('collect-garbage') }),
]);
export type MaintenanceTask = z.infer<typeof MaintenanceTask>;

/** Ids of servers in the input of an execution, which holds 256 KiB. */
const MAX_SERVERS = 5000;

/**
 * The input of the machine. The servers of a plan by tags are those that carry the tags now: checkpoints of others, and of servers that
 * are gone, stay as they are.
 */
export async function maintenanceRequest(
  services: Services,
  plan: Plan,
  task: MaintenanceTask,
  signal: AbortSignal,
): Promise<VerifyRequest | PruneRequest | Record<string, never>> {
  if (task.machine === 'collect-garbage') return {};
  const servers = await serversOf(services, plan, signal);
  const chosen = servers === undefined ? {} : { servers };
  if (task.machine === 'prune') {
    const { keep, timeZone } = task;
    return PruneRequest.parse({ keep, time_zone: timeZone, ...chosen });
  }
  const { level, samplePercent } = task;
  return VerifyRequest.parse({
    ...(servers === undefined ? { all: true } : chosen),
    ...(level === undefined ? {} : { level }),
    ...(samplePercent === undefined ? {} : { sample_percent: samplePercent }),
  });
}

/** Ids or names; undefined where the plan is about all. */
async function serversOf(
  services: Services,
  plan: Plan,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  if (plan.tags === undefined) return plan.servers;
  const chosen = await selectServers(await services.openstack(), requestOf(plan), {
    signal,
  });
  if (chosen.length > MAX_SERVERS) {
    throw new InvalidInput(
      `The plan ${plan.name} has ${chosen.length} servers; for more than ${MAX_SERVERS} make it a plan about all, or several plans.`,
    );
  }
  return chosen.map(({ id }) => id);
}
