import * as z from 'zod';
import { renewPin } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { openRestoredFile } from '../lib/restore/image-file.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Streams the image file from the bank into Glance in one PUT; an image that an earlier attempt filled is left as it is. */
export const uploadImage = stateFunction({
  name: 'UploadImage',
  input: z.strictObject({ plan: RestorePlan, imageId: z.string() }),
  async run(services, { plan, imageId }, { signal }) {
    const [openstack, register] = await Promise.all([services.openstack(), services.register()]);
    await renewPin(register, plan.pinId, { signal });
    const image = await openstack.images.show(imageId, { signal });
    if (image.status === 'active') return {};
    const file = await openRestoredFile(services, plan, signal);
    await openstack.images.upload(imageId, file.read(0, file.sizeBytes), {
      sizeBytes: file.sizeBytes,
      signal,
    });
    return {};
  },
});

export const handler = handlerOf(uploadImage);
