import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';
import { planVerification } from '../lib/verify/plan-verification.ts';
import { VerifyRequest } from '../lib/verify/request.ts';

/** Checks an execution's input, pins the chosen checkpoints, and writes what is to be looked at for the Map's ItemReader. */
export const planVerify = stateFunction({
  name: 'PlanVerify',
  input: z.strictObject({ execution: z.string(), request: VerifyRequest }),
  async run(services, { execution, request }, { signal }) {
    return await planVerification(services, execution, request, signal);
  },
});

export const handler = handlerOf(planVerify);
