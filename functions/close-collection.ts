import * as z from 'zod';
import { closeCollection as close } from '../lib/collect/close-collection.ts';
import { CollectionPlan } from '../lib/collect/plan.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Removes the records of the checkpoints whose objects are deleted, and the lists that only the collection needed. */
export const closeCollection = stateFunction({
  name: 'CloseCollection',
  input: z.strictObject({ plan: CollectionPlan, isDeleted: z.boolean() }),
  async run(services, closing, call) {
    return await close(services, closing, call);
  },
});

export const handler = handlerOf(closeCollection);
