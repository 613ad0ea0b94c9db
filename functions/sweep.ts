import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { sweepOrphans } from '../lib/protect/sweep.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Removes what dead executions left: snapshot images, records whose lease ran out, unfinished uploads. Safe to run at any time. */
export const sweep = stateFunction({
  name: 'Sweep',
  input: z.strictObject({ execution: z.string() }),
  async run(services, _input, { signal }) {
    return await sweepOrphans(services, signal);
  },
});

export const handler = handlerOf(sweep);
