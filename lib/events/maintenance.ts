import * as z from 'zod';
import { KeepRules } from '../prune/keep-rules.ts';
import { PruneRequest } from '../prune/request.ts';
import { VerifyLevel, VerifyRequest } from '../verify/request.ts';
import type { Plan } from './plan.ts';

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

/**
 * The input of the machine: about the checkpoints that were made under the plan, also those of servers that are gone or that it does not
 * choose any more.
 */
export function maintenanceRequest(
  plan: Plan,
  task: MaintenanceTask,
): VerifyRequest | PruneRequest | Record<string, never> {
  if (task.machine === 'collect-garbage') return {};
  const { name } = plan;
  if (task.machine === 'prune') {
    return PruneRequest.parse({ plan: name, keep: task.keep, time_zone: task.timeZone });
  }
  const { level, samplePercent } = task;
  return VerifyRequest.parse({
    plan: name,
    ...(level === undefined ? {} : { level }),
    ...(samplePercent === undefined ? {} : { sample_percent: samplePercent }),
  });
}
