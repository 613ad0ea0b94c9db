import { deleteListed } from '../bank/collect/delete-collected.ts';
import { requireObjectLock } from '../bank/lock.ts';
import { readNote } from '../bank/notes.ts';
import type { Services } from '../services.ts';
import {
  type CollectionPlan,
  type DeletionItem,
  DeletionPage,
  deletionReportKey,
  MAX_NOTE_BYTES,
  pageKey,
} from './plan.ts';

/**
 * Deletes the objects of one page of the list and leaves a report in the work place. May be done at any time and any number of times: what
 * the list names is garbage for ever.
 */
export async function deletePage(
  services: Services,
  plan: CollectionPlan,
  { page }: DeletionItem,
  signal: AbortSignal,
): Promise<void> {
  const bank = await services.bank();
  const { work } = services.places;
  const expected = { schema: DeletionPage, maxBytes: MAX_NOTE_BYTES };
  const { objects } = await readNote(bank, pageKey(plan, page), expected, { signal });
  const store = bank.places.bank;
  const objectLock = bank.info.lock === undefined ? undefined : requireObjectLock(store);
  const done = await deleteListed({ bank: store, objectLock, objects, signal });
  const report = { ...done, retainedUntil: done.retainedUntil?.toISOString() ?? null };
  const body = Buffer.from(JSON.stringify(report));
  await work.put(deletionReportKey(plan, page), body, { signal });
  services.progress({
    subject: plan.collectionId,
    phase: 'collect',
    advancedBytes: done.deleted.bytes + done.retained.bytes,
    totalBytes: plan.dead.bytes,
  });
}
