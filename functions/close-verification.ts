import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';
import { closeVerification as close } from '../lib/verify/close-verification.ts';
import { VerifyPlan } from '../lib/verify/plan.ts';

/** Lets go of the checkpoints, and removes what only the verification needed. */
export const closeVerification = stateFunction({
  name: 'CloseVerification',
  input: z.strictObject({ plan: VerifyPlan }),
  async run(services, { plan }, { signal }) {
    await close(services, plan, signal);
    return {};
  },
});

export const handler = handlerOf(closeVerification);
