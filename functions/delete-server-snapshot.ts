import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { StoreRefused } from '../lib/bank/store/errors.ts';
import { DeadlineExceeded } from '../lib/errors.ts';
import { handlerOf } from '../lib/handler.ts';
import {
  deleteMarkedImages,
  deleteVolumeCopies,
  deleteVolumeSnapshots,
} from '../lib/protect/delete-copies.ts';
import { nextWaitSeconds } from '../lib/protect/snapshot.ts';
import type { Services } from '../lib/services.ts';
import { stateFunction } from '../lib/state-function.ts';
import { removeObjects } from '../lib/work-objects.ts';

/** Cinder ends what it works on, such as an image that is being made of a volume, before it deletes. */
const DEADLINE_SECONDS = 3600;

/**
 * Deletes every image that carries the checkpoint's mark, also one whose creation was never answered; with volumes also their copies,
 * and then their snapshots, which takes several calls; and what its workers noted on the way.
 */
export const deleteServerSnapshot = stateFunction({
  name: 'DeleteServerSnapshot',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    withVolumes: z.boolean(),
    /** Of the first call. */
    startedAt: z.iso.datetime().nullable(),
  }),
  async run(services, { checkpoint, serverId, withVolumes, startedAt: began }, { signal }) {
    const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
    const mark = { homeId: bank.info.homeId, checkpoint };
    const now = services.clock.now();
    const startedAt = began ?? new Date(now).toISOString();
    const deletedImageIds = await deleteMarkedImages(openstack, mark, signal);
    const done =
      !withVolumes ||
      ((await deleteVolumeCopies(openstack, mark, signal)) === 0 &&
        (await deleteVolumeSnapshots(openstack, mark, signal)) === 0);
    if (!done && now - Date.parse(startedAt) > DEADLINE_SECONDS * 1000) {
      throw new DeadlineExceeded(
        `Cinder had not deleted what was made for checkpoint ${checkpoint} of server ${serverId} after ${String(DEADLINE_SECONDS)} s.`,
        { identifiers: { checkpoint, serverId } },
      );
    }
    if (done) await removeNotes(services, checkpoint, signal);
    return { done, startedAt, waitSeconds: nextWaitSeconds(startedAt, now), deletedImageIds };
  },
});

/** What workers noted of the checkpoint in the work place. Where that takes no changes any more, the sweep removes it once it does. */
async function removeNotes(
  { places: { work }, log }: Services,
  checkpoint: string,
  signal: AbortSignal,
): Promise<void> {
  const prefixes = ['receipts', 'uploads', 'results']
    .map((kind) => `${kind}/${checkpoint}/`)
    .concat(`descriptions/${checkpoint}`);
  try {
    await removeObjects(work, prefixes, signal);
  } catch (error) {
    if (!(error instanceof StoreRefused)) throw error;
    log.warn('Notes of the checkpoint stay', { checkpoint, error: error.name });
  }
}

export const handler = handlerOf(deleteServerSnapshot);
