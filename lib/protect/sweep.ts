import { abandonCheckpoint } from '../bank/register/abandon-checkpoint.ts';
import { sameServer } from '../bank/register/identity.ts';
import { CheckpointId, serverKeyIn } from '../bank/register/ids.ts';
import { remainingMilliseconds } from '../bank/register/lease.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import type { OpenRecord } from '../bank/register/record.ts';
import { readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';
import type { Image } from '../openstack/image.ts';
import type { Services } from '../services.ts';
import { removeOldObjects } from '../work-objects.ts';
import { BANK_PROPERTY, CHECKPOINT_PROPERTY, isSnapshotOf } from './snapshot.ts';

const DAY_MILLISECONDS = 24 * 3600 * 1000;
/** Uploads are completed or aborted within a restore; one that is older belongs to none. */
const UPLOAD_AGE_MILLISECONDS = 2 * DAY_MILLISECONDS;
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
  abortedUploads: number;
}

/**
 * Removes what dead executions left. It begins with the images that carry this bank's mark, so it costs the same whatever the number
 * of checkpoints; an open record without an image harms nobody until the collector fences it.
 */
export async function sweepOrphans(services: Services, signal: AbortSignal): Promise<Swept> {
  const { work } = services.places;
  const deletedImageIds = await deleteOrphanedImages(services, signal);
  const abortedUploads = await abortOldUploads(services, signal);
  const olderThan = new Date(services.clock.now() - NOTES_AGE_MILLISECONDS);
  await removeOldObjects(work, NOTES, olderThan, signal);
  return { deletedImageIds, abortedUploads };
}

/**
 * A record is written before its snapshot is asked for, so an image whose record is not open has nobody who waits for it; one whose
 * record is open and dead is fenced first.
 */
async function deleteOrphanedImages(services: Services, signal: AbortSignal): Promise<string[]> {
  const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
  const orphans: Image[] = [];
  const properties = { [BANK_PROPERTY]: bank.info.bankId };
  for await (const image of openstack.images.list({ properties }, { signal })) {
    // A property is anybody's text until it has proved to be an id.
    const checkpoint = CheckpointId.safeParse(image.properties[CHECKPOINT_PROPERTY]);
    if (!checkpoint.success || !isSnapshotOf(image, checkpoint.data)) continue;
    if (await isOrphaned(services, image, checkpoint.data, signal)) orphans.push(image);
  }
  const deleted: string[] = [];
  for (const { id } of orphans) {
    try {
      await openstack.images.delete(id, { signal });
      deleted.push(id);
    } catch (error) {
      signal.throwIfAborted();
      // One that is protected or in use must not keep the others.
      services.log.warn('A snapshot image that nobody needs cannot be deleted', {
        imageId: id,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return deleted;
}

async function isOrphaned(
  services: Services,
  image: Image,
  checkpoint: string,
  signal: AbortSignal,
): Promise<boolean> {
  const register = await services.register();
  const head = await readRecord(register, checkpoint, { signal });
  // Of a record that is not here a copy of the bank may know: an image that may be in use stays for a day.
  if (head.kind === 'absent') {
    const createdAt = Date.parse(image.createdAt ?? '');
    return services.clock.now() - createdAt > DAY_MILLISECONDS;
  }
  if (head.kind !== 'live' || head.value.state !== 'OPEN') return true;
  if (!(await isDead(register, head.value, signal))) return false;
  await abandonCheckpoint(register, checkpoint, { reason: 'its execution is gone', signal });
  return true;
}

async function isDead(
  register: Register,
  record: OpenRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const remaining = remainingMilliseconds(register, record.lease);
  const { process } = record.execution;
  if (process === undefined || !(await register.isProcessGone(process))) return remaining <= 0;
  // The command may be about to be typed again: what it would continue stays for a while, unless a later backup took its place.
  const halfOfLease = record.lease.seconds * 500;
  return remaining < halfOfLease || (await hasSuccessor(register, record, signal));
}

async function hasSuccessor(
  register: Register,
  { checkpoint, server, createdAt }: OpenRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const serverKey = serverKeyIn(checkpoint);
  for await (const other of listCheckpoints(register, { serverKey, signal })) {
    const later = other.createdAt > createdAt && other.state === 'COMMITTED';
    if (later && sameServer(other.server, server)) return true;
  }
  return false;
}

async function abortOldUploads(services: Services, signal: AbortSignal): Promise<number> {
  const { work } = services.places;
  let aborted = 0;
  for await (const upload of work.listUploads('restores/', { signal })) {
    if (services.clock.now() - upload.startedAt.getTime() < UPLOAD_AGE_MILLISECONDS) continue;
    await work.abortUpload(upload, { signal });
    aborted += 1;
  }
  return aborted;
}
