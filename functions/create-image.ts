import { createHash } from 'node:crypto';
import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { diskOf, readCheckpoint } from '../lib/restore/checkpoint-root.ts';
import { ROOT_DISK } from '../lib/protect/disks.ts';
import { restoredImages, restoreMarks } from '../lib/restore/marks.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Makes the image's record in Glance, or finds the one that an earlier attempt made. */
export const createImage = stateFunction({
  name: 'CreateImage',
  input: z.strictObject({ plan: RestorePlan }),
  async run(services, { plan }, { signal }) {
    const openstack = await services.openstack();
    const [left] = await restoredImages(openstack, plan, plan.disk, signal);
    if (left !== undefined) return { imageId: left.id };
    const checkpoint = await readCheckpoint(await services.bank(), plan, signal);
    const { name, diskFormat, containerFormat, minDiskGiB, minRamMiB } = plan.image;
    const image = await openstack.images.create(
      {
        id: imageIdOf(plan),
        name,
        diskFormat,
        containerFormat,
        minDiskGiB,
        minRamMiB,
        properties: {
          ...diskOf(checkpoint, plan.disk).description.image.properties,
          ...restoreMarks(plan, plan.disk),
        },
      },
      { signal },
    );
    return { imageId: image.id };
  },
});

/** The same for the same restore: two workers that come together make one image. */
function imageIdOf({ restoreId, disk }: RestorePlan): string {
  const name = disk === ROOT_DISK ? `image ${restoreId}` : `image ${restoreId} ${String(disk)}`;
  const hex = createHash('sha256').update(name).digest('hex');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
}

export const handler = handlerOf(createImage);
