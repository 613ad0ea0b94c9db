import * as z from 'zod';
import { renewPin } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { Check, checkImage } from '../lib/restore/check.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Reads a part of the new image back from Glance and compares every chunk's id with the checkpoint. */
export const checkRange = stateFunction({
  name: 'CheckRange',
  input: z.strictObject({ plan: RestorePlan, imageId: z.string(), range: Check }),
  async run(services, { plan, imageId, range }, { signal }) {
    await renewPin(await services.register(), plan.pinId, { signal });
    await checkImage(services, plan, imageId, range, signal);
    return {};
  },
});

export const handler = handlerOf(checkRange);
