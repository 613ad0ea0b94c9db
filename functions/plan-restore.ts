import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { planRestore as plan } from '../lib/restore/plan-restore.ts';
import { RestoreRequest } from '../lib/restore/request.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Checks an execution's input and says what the restore will make. Makes nothing itself but a reader's pin. */
export const planRestore = stateFunction({
  name: 'PlanRestore',
  input: z.strictObject({ execution: z.string(), request: RestoreRequest }),
  async run(services, { execution, request }, { signal }) {
    return await plan(services, execution, request, signal);
  },
});

export const handler = handlerOf(planRestore);
