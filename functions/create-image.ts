import { createHash } from 'node:crypto';
import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { readCheckpoint } from '../lib/restore/checkpoint-root.ts';
import { ORIGIN_MARK, RESTORE_MARK, restoredImages } from '../lib/restore/marks.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Makes the image's record in Glance, or finds the one that an earlier attempt made. */
export const createImage = stateFunction({
  name: 'CreateImage',
  input: z.strictObject({ plan: RestorePlan }),
  async run(services, { plan }, { signal }) {
    const openstack = await services.openstack();
    const [left] = await restoredImages(openstack, plan, signal);
    if (left !== undefined) return { imageId: left.id };
    const { disks } = await readCheckpoint(await services.bank(), plan, signal);
    const { name, diskFormat, containerFormat, minDiskGiB, minRamMiB } = plan.image;
    const image = await openstack.images.create(
      {
        id: imageIdOf(plan.restoreId),
        name,
        diskFormat,
        containerFormat,
        minDiskGiB,
        minRamMiB,
        properties: {
          ...disks[0].description.image.properties,
          [RESTORE_MARK]: plan.restoreId,
          [ORIGIN_MARK]: plan.checkpoint,
        },
      },
      { signal },
    );
    return { imageId: image.id };
  },
});

/** The same for the same restore: two workers that come together make one image. */
function imageIdOf(restoreId: string): string {
  const hex = createHash('sha256').update(`image ${restoreId}`).digest('hex');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
}

export const handler = handlerOf(createImage);
