import * as z from 'zod';
import { PlanName } from '../protect/plan-name.ts';
import { KeepRules } from './keep-rules.ts';

/** Input of a prune execution. */
export const PruneRequest = z.strictObject({
  keep: KeepRules,
  /** Ids or names; default: all servers that have checkpoints. The rules hold for each server by itself, and in it for each plan. */
  servers: z.array(z.string().min(1).max(255)).min(1).optional(),
  /** Only checkpoints that were made under this plan; default: all, also those without one. */
  plan: PlanName.optional(),
  /** Where days, weeks and months begin; default UTC. */
  time_zone: z.string().min(1).max(64).optional(),
  /** Say what would go, and stop. */
  dry_run: z.boolean().optional(),
});
export type PruneRequest = z.infer<typeof PruneRequest>;
