import * as z from 'zod';
import { deletePage as remove } from '../lib/collect/delete-page.ts';
import { CollectionPlan, DeletionItem } from '../lib/collect/plan.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Deletes the objects of one page of a collection's list. */
export const deletePage = stateFunction({
  name: 'DeletePage',
  input: z.strictObject({ plan: CollectionPlan, item: DeletionItem }),
  async run(services, { plan, item }, { signal }) {
    await remove(services, plan, item, signal);
    return {};
  },
});

export const handler = handlerOf(deletePage);
