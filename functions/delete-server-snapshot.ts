import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { snapshotImages } from '../lib/protect/snapshot.ts';
import { stateFunction } from '../lib/state-function.ts';
import { removeObjects } from '../lib/work-objects.ts';

/**
 * Deletes every image that carries the checkpoint's mark, also one whose creation was never answered; and what its workers noted on
 * the way.
 */
export const deleteServerSnapshot = stateFunction({
  name: 'DeleteServerSnapshot',
  input: z.strictObject({ checkpoint: CheckpointId, serverId: z.string() }),
  async run(services, { checkpoint }, { signal }) {
    const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
    const images = await snapshotImages(openstack, bank.info.bankId, checkpoint, signal);
    await removeObjects(services.places.work, workPrefixes(checkpoint), signal);
    for (const { id } of images) await openstack.images.delete(id, { signal });
    return { deletedImageIds: images.map(({ id }) => id) };
  },
});

/** Where the notes of a checkpoint lie in the work place. */
function workPrefixes(checkpoint: string): string[] {
  return ['receipts', 'uploads', 'results']
    .map((kind) => `${kind}/${checkpoint}/`)
    .concat(`descriptions/${checkpoint}`);
}

export const handler = handlerOf(deleteServerSnapshot);
