import * as z from 'zod';
import { pinKeeper } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { requireTimeForOnePass } from '../lib/protect/one-pass-limit.ts';
import { Check, checkImage } from '../lib/restore/check.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Reads a part of the new image back from Glance and compares every chunk's id with the checkpoint. */
export const checkRange = stateFunction({
  name: 'CheckRange',
  input: z.strictObject({ plan: RestorePlan, imageId: z.string(), range: Check }),
  async run(services, { plan, imageId, range }, { signal, remainingMilliseconds }) {
    const keepPin = pinKeeper(await services.register(), plan);
    await keepPin({ signal });
    if ('reading' in range) {
      const { fileSizeBytes: sizeBytes } = plan.image;
      const because = 'the store of Glance serves no ranges to compare. Restore without the check.';
      requireTimeForOnePass({ imageId, sizeBytes, because }, remainingMilliseconds());
    }
    await checkImage(services, plan, { imageId, check: range, keepPin }, signal);
    return {};
  },
});

export const handler = handlerOf(checkRange);
