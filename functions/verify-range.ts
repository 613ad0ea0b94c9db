import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';
import { VerifyItem, VerifyPlan } from '../lib/verify/plan.ts';
import { verifyRange as verify } from '../lib/verify/verify-range.ts';

/** Looks at some segments of a server's disk, in all chosen checkpoints of it. Damage goes into reports, it is no failure. */
export const verifyRange = stateFunction({
  name: 'VerifyRange',
  input: z.strictObject({ plan: VerifyPlan, item: VerifyItem }),
  async run(services, { plan, item }, call) {
    await verify(services, plan, item, call);
    return {};
  },
});

export const handler = handlerOf(verifyRange);
