import * as z from 'zod';
import { abandonCheckpoint as abandonRecord } from '../lib/bank/register/abandon-checkpoint.ts';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { explainFailure } from '../lib/protect/explain-failure.ts';
import { Failure } from '../lib/protect/failure.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Fences the checkpoint of a failed backup (one that was committed after all stays), and names the error behind a failed Map. */
export const abandonCheckpoint = stateFunction({
  name: 'AbandonCheckpoint',
  input: z.strictObject({ checkpoint: CheckpointId, failure: Failure }),
  async run(services, { checkpoint, failure }, { signal }) {
    const reason = failure.Error;
    const state = await abandonRecord(await services.register(), checkpoint, { reason, signal });
    const { work } = services.places;
    // Committed after all: what failed came after that, and takes nothing from the checkpoint.
    if (state === 'COMMITTED') return { state, failure: null };
    return {
      state,
      failure: await explainFailure(work, `results/${checkpoint}/`, failure, signal),
    };
  },
});

export const handler = handlerOf(abandonCheckpoint);
