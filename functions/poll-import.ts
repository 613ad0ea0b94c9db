import * as z from 'zod';
import { renewPin } from '../lib/bank/register/reader-pin.ts';
import { DeadlineExceeded } from '../lib/errors.ts';
import { handlerOf } from '../lib/handler.ts';
import type { Image } from '../lib/openstack/image.ts';
import { nextWaitSeconds } from '../lib/protect/snapshot.ts';
import { ImportFailed } from '../lib/restore/errors.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

const BASE_DEADLINE_SECONDS = 30 * 60;
const SECONDS_PER_GIB = 128;
const GIB = 1024 ** 3;

/** Looks once whether Glance has fetched the image file. */
export const pollImport = stateFunction({
  name: 'PollImport',
  input: z.strictObject({
    plan: RestorePlan,
    imageId: z.string(),
    startedAt: z.iso.datetime(),
  }),
  async run(services, { plan, imageId, startedAt }, { signal }) {
    const openstack = await services.openstack();
    await renewPin(await services.register(), plan, { signal });
    const image = await openstack.images.show(imageId, { signal });
    const now = services.clock.now();
    const wait = nextWaitSeconds(startedAt, now);
    if (image.status === 'active') return { ready: true, waitSeconds: wait };
    // A failed import falls back to `queued`; its task tells why. Before the import begins the image is `queued` too.
    const [task] = await openstack.images.tasks(imageId, { signal });
    if (hasFailed(image) || task?.status === 'failure') {
      throw new ImportFailed(
        `Glance could not fetch image ${imageId}: ${withoutUrls(task?.message ?? 'its import task failed without a message')}.`,
        { identifiers: { imageId, restoreId: plan.restoreId } },
      );
    }
    const deadlineSeconds =
      BASE_DEADLINE_SECONDS + Math.ceil(plan.image.fileSizeBytes / GIB) * SECONDS_PER_GIB;
    if (now - Date.parse(startedAt) > deadlineSeconds * 1000) {
      throw new DeadlineExceeded(
        `Glance had not fetched image ${imageId} (${image.status}) after ${String(deadlineSeconds)} s.`,
        { identifiers: { imageId, restoreId: plan.restoreId } },
      );
    }
    return { ready: false, waitSeconds: wait };
  },
});

function hasFailed(image: Image): boolean {
  return (
    image.failedImportStoreIds.length > 0 ||
    ['killed', 'deleted', 'pending_delete', 'deactivated'].includes(image.status)
  );
}

/** The task's message may quote the presigned URL, which is a secret while it lasts. */
function withoutUrls(message: string): string {
  return message.replaceAll(/\bhttps?:\/\/\S+/g, '<url>');
}

export const handler = handlerOf(pollImport);
