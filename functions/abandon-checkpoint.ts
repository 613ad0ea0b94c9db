import * as z from 'zod';
import { abandonCheckpoint as abandonRecord } from '../lib/bank/register/abandon-checkpoint.ts';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Fences the checkpoint of a failed backup; one that was committed after all stays. */
export const abandonCheckpoint = stateFunction({
  name: 'AbandonCheckpoint',
  input: z.strictObject({ checkpoint: CheckpointId, reason: z.string() }),
  async run(services, { checkpoint, reason }, { signal }) {
    const state = await abandonRecord(await services.register(), checkpoint, { reason, signal });
    return { state };
  },
});

export const handler = handlerOf(abandonCheckpoint);
