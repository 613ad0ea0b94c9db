import { requireHome } from '../bank/home.ts';
import type { Services } from '../services.ts';
import { removeOldObjects } from '../work-objects.ts';
import {
  failedRollbacks,
  type Orphan,
  orphanedCopies,
  orphanedSnapshots,
  unfinishedUploads,
} from './find-orphans.ts';
import { isForgotten, startLostServers, type StoppedServer } from './stopped-servers.ts';

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
  startedServerIds: string[];
  deletedImageIds: string[];
  /** Temporary volumes, and snapshots of volumes. */
  deletedVolumeIds: string[];
  rolledBackRestores: string[];
  abortedUploads: number;
}

/**
 * Starts the servers again that a dead backup stopped, and removes what dead executions left. It begins with what carries this bank's mark, so it costs the same whatever the number
 * of checkpoints; what harms nobody, such as an open record without an image, is left to the collector and to `snapbank doctor`.
 */
export async function sweepOrphans(services: Services, signal: AbortSignal): Promise<Swept> {
  // What is in the cloud is of the bank that this is a copy of.
  requireHome(await services.bank());
  const isLost = (stopped: StoppedServer) => isForgotten(services, stopped, signal);
  const { serverIds: startedServerIds } = await startLostServers(services, isLost, signal);
  const images = await removed(services, orphanedSnapshots(services, signal), signal);
  const copies = await removed(services, orphanedCopies(services, signal), signal);
  const restores = await removed(services, failedRollbacks(services, signal), signal);
  const uploads = await removed(services, unfinishedUploads(services, signal), signal);
  await removeOldNotes(services, signal);
  return {
    startedServerIds,
    deletedImageIds: images,
    deletedVolumeIds: copies,
    rolledBackRestores: restores,
    abortedUploads: uploads.length,
  };
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
