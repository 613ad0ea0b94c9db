import * as z from 'zod';
import { renewPin } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { restoreVolume as restore } from '../lib/restore/restore-volume.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Takes the next step from the image of a disk to its volume; the image is removed in the end. */
export const restoreVolume = stateFunction({
  name: 'RestoreVolume',
  input: z.strictObject({
    plan: RestorePlan,
    imageId: z.string(),
    /** When the volume was first asked for; null: it has not been. */
    startedAt: z.iso.datetime().nullable(),
  }),
  async run(services, { plan, imageId, startedAt }, { signal }) {
    await renewPin(await services.register(), plan, { signal });
    return await restore(services, plan, { imageId, startedAt }, signal);
  },
});

export const handler = handlerOf(restoreVolume);
