import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { planPrune as plan } from '../lib/prune/plan-prune.ts';
import { PruneRequest } from '../lib/prune/request.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Checks an execution's input and says which checkpoints stay, and why. Changes nothing. */
export const planPrune = stateFunction({
  name: 'PlanPrune',
  input: z.strictObject({ execution: z.string(), request: PruneRequest }),
  async run(services, { execution, request }, { signal }) {
    return await plan(services, execution, request, signal);
  },
});

export const handler = handlerOf(planPrune);
