import * as z from 'zod';
import { planCollection as plan } from '../lib/collect/plan-collection.ts';
import { CollectionRequest } from '../lib/collect/request.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Finds what no checkpoint needs any more, while backups and restores go on, and lists it in the work place. Deletes nothing. */
export const planCollection = stateFunction({
  name: 'PlanCollection',
  input: z.strictObject({ execution: z.string(), request: CollectionRequest }),
  async run(services, { execution, request }, call) {
    return await plan(services, execution, request, call);
  },
});

export const handler = handlerOf(planCollection);
