import * as z from 'zod';
import { Tally } from './plan.ts';

/** Output of a collect-garbage execution. */
export const CollectionSummary = z.strictObject({
  dryRun: z.boolean(),
  listed: Tally,
  dead: Tally,
  deleted: Tally,
  /** Dead, but locked in the store: the next collection tries again. */
  retained: Tally,
  /** When the last of these is free; null where nothing is locked. */
  retainedUntil: z.string().nullable(),
  buriedCheckpoints: z.int(),
  fencedCheckpoints: z.int(),
  /** Of the packs that are needed: all of them, and what of them nobody needs. */
  packBytes: z.int(),
  wasteBytes: z.int(),
});
export type CollectionSummary = z.infer<typeof CollectionSummary>;
