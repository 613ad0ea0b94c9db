import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { Assembly } from '../lib/restore/assembly.ts';
import { ImportFailed } from '../lib/restore/errors.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Glance begins to fetch soon, but keeps the URL in its task: short enough to be worthless later. */
const URL_LIFE_SECONDS = 6 * 3600;

/** Completes the assembled object and tells Glance to fetch it. The URL stays within this function. */
export const importImage = stateFunction({
  name: 'ImportImage',
  input: z.strictObject({ plan: RestorePlan, assembly: Assembly, imageId: z.string() }),
  async run(services, { plan, assembly, imageId }, { signal }) {
    const { work } = services.places;
    const openstack = await services.openstack();
    const startedAt = new Date(services.clock.now()).toISOString();
    await work.completeUpload(assembly, assembly.partCount, { signal });
    const image = await openstack.images.show(imageId, { signal });
    // Anything but `queued`: an earlier attempt has told Glance already.
    if (image.status !== 'queued') return { startedAt };
    const url = await work.presign(assembly.key, URL_LIFE_SECONDS);
    if (url === undefined) {
      throw new ImportFailed(
        `The work place ${work.location} has no URL that Glance could fetch image ${imageId} from; use --import stream.`,
        { identifiers: { imageId, restoreId: plan.restoreId } },
      );
    }
    await openstack.images.importWebDownload(imageId, url, { signal });
    return { startedAt };
  },
});

export const handler = handlerOf(importImage);
