import * as z from 'zod';
import { pinKeeper } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { requireTimeForOnePass } from '../lib/protect/one-pass-limit.ts';
import { openRestoredFile } from '../lib/restore/image-file.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Streams the image file from the bank into Glance in one PUT; an image that an earlier attempt filled is left as it is. */
export const uploadImage = stateFunction({
  name: 'UploadImage',
  input: z.strictObject({ plan: RestorePlan, imageId: z.string() }),
  async run(services, { plan, imageId }, { signal, remainingMilliseconds }) {
    const [openstack, register] = await Promise.all([services.openstack(), services.register()]);
    const keepPin = pinKeeper(register, plan);
    await keepPin({ signal });
    const image = await openstack.images.show(imageId, { signal });
    if (image.status === 'active') return {};
    const file = await openRestoredFile(services, plan, signal);
    const { sizeBytes } = file;
    const because =
      'it would be streamed into Glance. Where Glance can reach the store, use web-download.';
    requireTimeForOnePass({ imageId, sizeBytes, because }, remainingMilliseconds());
    const advance = async (advancedBytes: number) => {
      await keepPin({ signal });
      services.progress({
        subject: plan.restoreId,
        phase: 'restore',
        advancedBytes,
        totalBytes: file.sizeBytes,
      });
    };
    await openstack.images.upload(imageId, counted(file.read(0, file.sizeBytes), advance), {
      sizeBytes: file.sizeBytes,
      signal,
    });
    return {};
  },
});

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  advance: (bytes: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    yield piece;
    await advance(piece.length);
  }
}

export const handler = handlerOf(uploadImage);
