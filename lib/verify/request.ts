import * as z from 'zod';
import { InvalidInput } from '../errors.ts';
import { PlanName } from '../protect/plan-name.ts';

/**
 * `records`: roots, segments and what they refer to. `packs`: also that every pack is there with its size. `data`: also that every
 * chunk can be read back, and is the one that was stored.
 */
export const VerifyLevel = z.enum(['records', 'packs', 'data']);
export type VerifyLevel = z.infer<typeof VerifyLevel>;

const Name = z.string().min(1).max(255);

/** Input of a verify execution; nothing chosen means all. */
export const VerifyRequest = z.strictObject({
  /** Ids, unique beginnings of one, or `SERVER@latest`. */
  checkpoints: z.array(z.string().min(1)).min(1).optional(),
  /** All checkpoints of servers with these ids or names. */
  servers: z.array(Name).min(1).optional(),
  /** Only checkpoints that were made under this plan; with servers: only theirs of it. */
  plan: PlanName.optional(),
  all: z.literal(true).optional(),
  /** Default: `data`. */
  level: VerifyLevel.optional(),
  /** Only so much of each server's disks; successive runs take turns, until every byte was looked at. */
  sample_percent: z.number().gt(0).max(100).optional(),
});
export type VerifyRequest = z.infer<typeof VerifyRequest>;

/** After how many runs a sample has been everywhere; null where each run is. */
export function sampleRuns({ sample_percent: percent = 100 }: VerifyRequest): number | null {
  const runs = Math.ceil(100 / percent);
  if (runs > 1000) throw new InvalidInput('A sample must be at least 0.1 per cent.');
  return runs === 1 ? null : runs;
}
