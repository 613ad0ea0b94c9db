import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { PrunePlan } from '../lib/prune/plan.ts';
import { prune } from '../lib/prune/prune.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Takes checkpoints out that nobody keeps. Deletes nothing: until they are collected they can be brought back. */
export const pruneCheckpoints = stateFunction({
  name: 'PruneCheckpoints',
  input: z.strictObject({ plan: PrunePlan }),
  async run(services, { plan }, call) {
    return await prune(services, plan, call);
  },
});

export const handler = handlerOf(pruneCheckpoints);
