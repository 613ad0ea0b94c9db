import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { DiskSource } from '../lib/protect/disks.ts';
import { extendRetention as extend } from '../lib/protect/retention.ts';
import { stateFunction } from '../lib/state-function.ts';

/** In a locked bank: what the checkpoint refers to stays locked as long as the bank promises. Goes on where it was stopped. */
export const extendRetention = stateFunction({
  name: 'ExtendRetention',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    sources: z.array(DiskSource).min(1),
  }),
  async run(services, { checkpoint, sources }, call) {
    return await extend(services, { checkpoint, sources }, call);
  },
});

export const handler = handlerOf(extendRetention);
