import * as z from 'zod';
import { compactGroup as compact } from '../lib/collect/compact-group.ts';
import { CollectionPlan, CompactionItem } from '../lib/collect/plan.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Rewrites what is needed of half-used packs of some servers, and gives their checkpoints new roots. */
export const compactGroup = stateFunction({
  name: 'CompactGroup',
  input: z.strictObject({ plan: CollectionPlan, item: CompactionItem }),
  async run(services, { plan, item }, call) {
    await compact(services, plan, item, call);
    return {};
  },
});

export const handler = handlerOf(compactGroup);
