import * as z from 'zod';
import { CollectionPlan, Tally } from './plan.ts';

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
  /** They cannot be brought back any more. */
  buriedCheckpoints: z.int(),
  /** Of these, the ones whose data a reader still held; a later collection deletes it. */
  heldCheckpoints: z.int().default(0),
  fencedCheckpoints: z.int(),
  /** Of the packs that are needed: all of them, and what of them nobody needs. */
  packBytes: z.int(),
  wasteBytes: z.int(),
  /** Half-used packs that are worth rewriting. */
  sparse: Tally,
  /** Why they were not rewritten; null where they were, as far as `compaction` says. */
  notCompacted: CollectionPlan.shape.notCompacted,
  compaction: z.strictObject({
    /** Groups of servers that share packs. */
    groups: z.int(),
    /** Those that others were using, and those that failed. */
    skipped: z.int(),
    failed: z.int(),
    /** Packs that the next collection deletes, if nobody refers to them by then, and what took their place. */
    emptied: Tally,
    written: Tally,
    /** Checkpoints with a new root. */
    checkpoints: z.int(),
  }),
});
export type CollectionSummary = z.infer<typeof CollectionSummary>;
