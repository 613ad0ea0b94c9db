import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { startAssembly } from '../lib/restore/assembly.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Starts the object that Glance will fetch, and cuts it into parts. */
export const openAssembly = stateFunction({
  name: 'OpenAssembly',
  input: z.strictObject({ plan: RestorePlan }),
  async run(services, { plan }, { signal }) {
    return await startAssembly(services.places.work, plan, signal);
  },
});

export const handler = handlerOf(openAssembly);
