import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';
import { VerifyPlan } from '../lib/verify/plan.ts';
import { recordVerification as record } from '../lib/verify/record-verification.ts';

/** Makes the report, marks what is damaged, and notes in the checkpoints' records what is proven. */
export const recordVerification = stateFunction({
  name: 'RecordVerification',
  input: z.strictObject({ plan: VerifyPlan, resultsPrefix: z.string() }),
  async run(services, { plan, resultsPrefix }, { signal }) {
    return await record(services, plan, resultsPrefix, signal);
  },
});

export const handler = handlerOf(recordVerification);
