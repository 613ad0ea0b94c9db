import * as z from 'zod';
import { closeCollection as close } from '../lib/collect/close-collection.ts';
import { CollectionPlan } from '../lib/collect/plan.ts';
import { handlerOf } from '../lib/handler.ts';
import { explainFailure } from '../lib/protect/explain-failure.ts';
import { Failure } from '../lib/protect/failure.ts';
import { stateFunction } from '../lib/state-function.ts';

/**
 * Removes the records of the checkpoints whose objects are deleted, and the lists that only the collection needed; and names the error
 * behind a failed Map.
 */
export const closeCollection = stateFunction({
  name: 'CloseCollection',
  input: z.strictObject({
    plan: CollectionPlan,
    isDeleted: z.boolean(),
    failure: Failure.nullable(),
  }),
  async run(services, { plan, isDeleted, failure }, call) {
    const { work } = services.places;
    const deletions = `results/deletions/${plan.collectionId}/`;
    const explained =
      failure === null ? null : await explainFailure(work, deletions, failure, call.signal);
    return { summary: await close(services, { plan, isDeleted }, call), failure: explained };
  },
});

export const handler = handlerOf(closeCollection);
