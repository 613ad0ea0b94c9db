import * as z from 'zod';

/** Input of a collect-garbage execution; `{}` is the common one. */
export const CollectionRequest = z.strictObject({
  /** Say what would be deleted and rewritten, and do neither. */
  dry_run: z.boolean().optional(),
  /** Delete even more than half of the bank. */
  force: z.boolean().optional(),
  /** How long a pruned checkpoint can be brought back; default 7. */
  undelete_days: z.number().min(0).optional(),
  /** Rewrite packs of which little is needed; default true. */
  compact: z.boolean().optional(),
});
export type CollectionRequest = z.infer<typeof CollectionRequest>;
