import { abandonCheckpoint } from '../bank/register/abandon-checkpoint.ts';
import { CheckpointId } from '../bank/register/ids.ts';
import { remainingMilliseconds } from '../bank/register/lease.ts';
import { listCheckpoints } from '../bank/register/list-checkpoints.ts';
import type { OpenRecord } from '../bank/register/record.ts';
import { readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';
import type { Image } from '../openstack/image.ts';
import type { Services } from '../services.ts';
import { BANK_PROPERTY, CHECKPOINT_PROPERTY } from './snapshot.ts';

/** Uploads are completed or aborted within a restore; one that is older belongs to none. */
const UPLOAD_AGE_MILLISECONDS = 48 * 3600 * 1000;

export interface Swept {
  abandonedCheckpoints: string[];
  deletedImageIds: string[];
  abortedUploads: number;
}

/** Fences open checkpoints that nobody works on, then removes what no live checkpoint needs. */
export async function sweepOrphans(services: Services, signal: AbortSignal): Promise<Swept> {
  const register = await services.register();
  const abandonedCheckpoints: string[] = [];
  for await (const record of listCheckpoints(register, { signal })) {
    if (record.state !== 'OPEN' || !(await isDead(register, record))) continue;
    const reason = 'its execution is gone';
    await abandonCheckpoint(register, record.checkpoint, { reason, signal });
    abandonedCheckpoints.push(record.checkpoint);
  }
  return {
    abandonedCheckpoints,
    deletedImageIds: await deleteOrphanedImages(services, register, signal),
    abortedUploads: await abortOldUploads(services, signal),
  };
}

async function isDead(register: Register, record: OpenRecord): Promise<boolean> {
  const { process } = record.execution;
  if (process !== undefined && (await register.isProcessGone(process))) {
    // The same command may be about to continue it: what a person does next should not lose to the sweep of another run.
    return remainingMilliseconds(register, record.lease) < record.lease.seconds * 500;
  }
  return remainingMilliseconds(register, record.lease) <= 0;
}

/** A record is written before its snapshot is asked for, so an image whose record is not open has nobody who waits for it. */
async function deleteOrphanedImages(
  services: Services,
  register: Register,
  signal: AbortSignal,
): Promise<string[]> {
  const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
  const orphans: Image[] = [];
  const properties = { [BANK_PROPERTY]: bank.info.bankId };
  for await (const image of openstack.images.list({ properties }, { signal })) {
    // A property is anybody's text until it has proved to be an id.
    const checkpoint = CheckpointId.safeParse(image.properties[CHECKPOINT_PROPERTY]);
    if (!checkpoint.success) continue;
    const head = await readRecord(register, checkpoint.data, { signal });
    if (head.kind !== 'live' || head.value.state !== 'OPEN') orphans.push(image);
  }
  for (const { id } of orphans) await openstack.images.delete(id, { signal });
  return orphans.map(({ id }) => id);
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
