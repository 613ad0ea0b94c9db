import * as z from 'zod';
import { deleteCollected } from '../bank/collect/delete-collected.ts';
import { estimateCollection, planCollection } from '../bank/collect/plan-collection.ts';
import { namesInRoot } from '../bank/collect/root-names.ts';
import { requireObjectLock } from '../bank/lock.ts';
import type { Services } from '../services.ts';

const DEFAULT_UNDELETE_DAYS = 7;
const DAY_SECONDS = 24 * 3600;

/** Input of a collect-garbage execution; `{}` is the common one. */
export const CollectionRequest = z.strictObject({
  /** Say what would be deleted, and delete nothing. */
  dry_run: z.boolean().optional(),
  /** Delete even more than half of the bank. */
  force: z.boolean().optional(),
  /** How long a pruned checkpoint can be brought back; default 7. */
  undelete_days: z.number().min(0).optional(),
});
export type CollectionRequest = z.infer<typeof CollectionRequest>;

/** How many objects, and how many bytes. */
const Tally = z.object({ objects: z.number(), bytes: z.number() });

/** Output of a collect-garbage execution. */
export const CollectionSummary = z.object({
  dryRun: z.boolean(),
  listed: Tally,
  dead: Tally,
  deleted: Tally,
  /** Dead, but locked in the store: the next collection tries again. */
  retained: Tally,
  /** When the last of these is free; null where nothing is locked. */
  retainedUntil: z.string().nullable(),
  buriedCheckpoints: z.number(),
  fencedCheckpoints: z.number(),
});
export type CollectionSummary = z.infer<typeof CollectionSummary>;

export async function collectGarbage(
  services: Services,
  request: CollectionRequest,
  signal: AbortSignal,
): Promise<CollectionSummary> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const sources = {
    bank: bank.places.bank,
    register,
    namesIn: namesInRoot(bank),
    undeleteSeconds: (request.undelete_days ?? DEFAULT_UNDELETE_DAYS) * DAY_SECONDS,
    signal,
  };
  if (request.dry_run === true) {
    const { listed, dead, fencedCheckpoints } = await estimateCollection(sources);
    const found = { listed, dead, fencedCheckpoints: fencedCheckpoints.length };
    const none = { objects: 0, bytes: 0 };
    const nothing = { deleted: none, retained: none, retainedUntil: null, buriedCheckpoints: 0 };
    return { dryRun: true, ...found, ...nothing };
  }
  const plan = await planCollection(sources);
  const { listed, dead, fencedCheckpoints } = plan;
  const found = { listed, dead, fencedCheckpoints: fencedCheckpoints.length };
  const force = request.force ?? false;
  const store = bank.places.bank;
  const objectLock = bank.info.lock === undefined ? undefined : requireObjectLock(store);
  const done = await deleteCollected({ bank: store, register, plan, objectLock, force, signal });
  const retainedUntil = done.retainedUntil?.toISOString() ?? null;
  return { dryRun: false, ...found, ...done, retainedUntil };
}
