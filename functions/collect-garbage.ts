import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { CollectionRequest, collectGarbage as collect } from '../lib/protect/collect-garbage.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Deletes what no checkpoint needs any more, while backups and restores go on. What is left of a stopped run is found by the next. */
export const collectGarbage = stateFunction({
  name: 'CollectGarbage',
  input: z.strictObject({ request: CollectionRequest }),
  async run(services, { request }, { signal }) {
    return await collect(services, request, signal);
  },
});

export const handler = handlerOf(collectGarbage);
