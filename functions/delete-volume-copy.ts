import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { deleteMarkedImages, deleteVolumeCopies } from '../lib/protect/delete-copies.ts';
import { DiskSource } from '../lib/protect/disks.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Deletes the temporary volume of a disk that has been read, and the image of it, before the next disk needs the quota. */
export const deleteVolumeCopy = stateFunction({
  name: 'DeleteVolumeCopy',
  input: z.strictObject({ checkpoint: CheckpointId, source: DiskSource }),
  async run(services, { checkpoint, source }, { signal }) {
    const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
    const mark = { homeId: bank.info.homeId, checkpoint, disk: source.disk };
    const deletedImageIds = await deleteMarkedImages(openstack, mark, signal);
    await deleteVolumeCopies(openstack, mark, signal);
    return { deletedImageIds };
  },
});

export const handler = handlerOf(deleteVolumeCopy);
