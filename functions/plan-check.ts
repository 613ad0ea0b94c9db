import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { checksOf } from '../lib/restore/check.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Says in which pieces the new image can be read back: ranges of segments, or all in one pass. */
export const planCheck = stateFunction({
  name: 'PlanCheck',
  input: z.strictObject({ plan: RestorePlan, imageId: z.string() }),
  async run(services, { plan, imageId }, { signal }) {
    return { checks: await checksOf(services, plan, imageId, signal) };
  },
});

export const handler = handlerOf(planCheck);
