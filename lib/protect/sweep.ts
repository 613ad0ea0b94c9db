import type { Services } from '../services.ts';
import { removeOldObjects } from '../work-objects.ts';
import {
  failedRollbacks,
  type Orphan,
  orphanedSnapshots,
  unfinishedUploads,
} from './find-orphans.ts';

const DAY_MILLISECONDS = 24 * 3600 * 1000;
/** Item lists, results and outcomes are small; they serve whoever looks at an execution later. */
const NOTES_AGE_MILLISECONDS = 30 * DAY_MILLISECONDS;
const NOTES = [
  'items/',
  'outcomes/',
  'results/',
  'receipts/',
  'uploads/',
  'descriptions/',
  'verifications/',
  'collections/',
];

export interface Swept {
  deletedImageIds: string[];
  rolledBackRestores: string[];
  abortedUploads: number;
}

/**
 * Removes what dead executions left. It begins with the images that carry this bank's mark, so it costs the same whatever the number
 * of checkpoints; what harms nobody, such as an open record without an image, is left to the collector and to `snapbank doctor`.
 */
export async function sweepOrphans(services: Services, signal: AbortSignal): Promise<Swept> {
  const images = await removed(services, orphanedSnapshots(services, signal), signal);
  const restores = await removed(services, failedRollbacks(services, signal), signal);
  const uploads = await removed(services, unfinishedUploads(services, signal), signal);
  await removeOldNotes(services, signal);
  return { deletedImageIds: images, rolledBackRestores: restores, abortedUploads: uploads.length };
}

/** Notes that nobody looks at any more. */
export async function removeOldNotes(services: Services, signal: AbortSignal): Promise<void> {
  const olderThan = new Date(services.clock.now() - NOTES_AGE_MILLISECONDS);
  await removeOldObjects(services.places.work, NOTES, olderThan, signal);
}

/** Ids of what was removed. Found to the end first: lists do not bear it when what they list is removed. */
async function removed(
  { log }: Services,
  found: AsyncIterable<Orphan>,
  signal: AbortSignal,
): Promise<string[]> {
  const orphans: Orphan[] = [];
  for await (const orphan of found) orphans.push(orphan);
  const ids: string[] = [];
  for (const { kind, id, remove } of orphans) {
    try {
      if (await remove(signal)) ids.push(id);
    } catch (error) {
      signal.throwIfAborted();
      // One that is protected or in use must not keep the others.
      const reason = error instanceof Error ? error.message : String(error);
      log.warn(`A ${kind} that nobody needs cannot be removed`, { id, reason });
    }
  }
  return ids;
}
