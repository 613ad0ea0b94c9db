import { buryDead } from '../bank/collect/delete-collected.ts';
import { readNote } from '../bank/notes.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { getIfThere } from '../bank/store/get-if-there.ts';
import { RangeUnfinished } from '../protect/errors.ts';
import type { Services } from '../services.ts';
import type { Call } from '../state-function.ts';
import { removeObjects } from '../work-objects.ts';
import {
  type CollectionPlan,
  CompactionReport,
  collectionPrefix,
  compactionReportsPrefix,
  DeletionReport,
  deletionReportsPrefix,
  Graves,
  gravesKey,
  MAX_NOTE_BYTES,
} from './plan.ts';
import { CollectionSummary } from './summary.ts';

const READS_AT_ONCE = 16;
const TIME_TO_STOP_MILLISECONDS = 30_000;

export interface Closing {
  readonly plan: CollectionPlan;
  /** Whether all that the plan lists is deleted: only then are the records removed that it belonged to. */
  readonly isDeleted: boolean;
}

/**
 * Removes the records of what is deleted, and what only the collection needed. Whoever repeats it goes on where it was stopped. Throws
 * `RangeUnfinished`.
 */
export async function closeCollection(
  services: Services,
  { plan, isDeleted }: Closing,
  call: Call,
): Promise<CollectionSummary> {
  const { signal } = call;
  const { work } = services.places;
  const earlier = await readOutcome(services, plan, signal);
  if (earlier !== undefined) {
    await removeLists(services, plan, signal);
    return earlier;
  }
  const buriedCheckpoints = plan.dryRun || !isDeleted ? 0 : await bury(services, plan, call);
  const deleted = { objects: 0, bytes: 0 };
  const retained = { objects: 0, bytes: 0 };
  let retainedUntil: string | null = null;
  const reports = mapInOrder(
    work.list(deletionReportsPrefix(plan), { signal }),
    READS_AT_ONCE,
    async ({ key }) => {
      const bytes = await work.get(key, { signal });
      return DeletionReport.parse(JSON.parse(Buffer.from(bytes).toString()));
    },
  );
  for await (const report of reports) {
    deleted.objects += report.deleted.objects;
    deleted.bytes += report.deleted.bytes;
    retained.objects += report.retained.objects;
    retained.bytes += report.retained.bytes;
    const until = report.retainedUntil;
    if (until !== null && (retainedUntil ?? '') < until) retainedUntil = until;
  }
  const { dryRun, listed, dead, fencedCheckpoints, packBytes, wasteBytes, sparse } = plan;
  const found = { dryRun, listed, dead, fencedCheckpoints, packBytes, wasteBytes, sparse };
  const heldCheckpoints = buriedCheckpoints === 0 ? 0 : plan.heldCheckpoints;
  const done = { deleted, retained, retainedUntil, buriedCheckpoints, heldCheckpoints };
  const { notCompacted } = plan;
  const compaction = await compacted(services, plan, signal);
  const summary = { ...found, ...done, notCompacted, compaction };
  await work.put(outcomeKey(plan), Buffer.from(JSON.stringify(summary)), { signal });
  await removeLists(services, plan, signal);
  return summary;
}

/** What the groups' workers left; who left nothing failed. */
async function compacted(
  { places: { work } }: Services,
  plan: CollectionPlan,
  signal: AbortSignal,
): Promise<CollectionSummary['compaction']> {
  const sum = {
    groups: plan.groups,
    skipped: 0,
    failed: plan.groups,
    emptied: { objects: 0, bytes: 0 },
    written: { objects: 0, bytes: 0 },
    checkpoints: 0,
  };
  for await (const { key } of work.list(compactionReportsPrefix(plan), { signal })) {
    const bytes = await work.get(key, { signal });
    const report = CompactionReport.parse(JSON.parse(Buffer.from(bytes).toString()));
    sum.failed -= 1;
    if (report.skipped !== null) sum.skipped += 1;
    sum.checkpoints += report.checkpoints;
    for (const what of ['emptied', 'written'] as const) {
      sum[what].objects += report[what].objects;
      sum[what].bytes += report[what].bytes;
    }
  }
  return sum;
}

function outcomeKey({ collectionId }: CollectionPlan): string {
  return `outcomes/collection-${collectionId}.json`;
}

/** What an earlier attempt came to, whose lists are gone. */
async function readOutcome(
  { places }: Services,
  plan: CollectionPlan,
  signal: AbortSignal,
): Promise<CollectionSummary | undefined> {
  const bytes = await getIfThere(places.work, outcomeKey(plan), { signal });
  return bytes && CollectionSummary.parse(JSON.parse(Buffer.from(bytes).toString()));
}

async function bury(
  services: Services,
  plan: CollectionPlan,
  { signal, remainingMilliseconds }: Call,
): Promise<number> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const expected = { schema: Graves, maxBytes: MAX_NOTE_BYTES };
  const graves = await readNote(bank, gravesKey(plan), expected, { signal });
  await buryDead(register, graves, {
    signal,
    onEach(checkpoint) {
      if (remainingMilliseconds() >= TIME_TO_STOP_MILLISECONDS) return;
      throw new RangeUnfinished(`Checkpoint ${checkpoint} is left for the next worker.`, {
        identifiers: { checkpoint },
      });
    },
  });
  return graves.checkpoints.length;
}

/** The lists and the states on the way to them. */
async function removeLists(
  { places }: Services,
  { collectionId }: CollectionPlan,
  signal: AbortSignal,
): Promise<void> {
  await removeObjects(places.work, [collectionPrefix(collectionId)], signal);
}
