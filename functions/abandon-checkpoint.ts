import * as z from 'zod';
import { abandonCheckpoint as abandonRecord } from '../lib/bank/register/abandon-checkpoint.ts';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { StoreRefused, StoreUnavailable } from '../lib/bank/store/errors.ts';
import { handlerOf } from '../lib/handler.ts';
import { explainFailure } from '../lib/protect/explain-failure.ts';
import { Failure } from '../lib/protect/failure.ts';
import { stateFunction } from '../lib/state-function.ts';

/**
 * Fences the checkpoint of a failed backup (one that was committed after all stays), and names the error behind a failed Map: also where
 * the store that failed the backup, a full disk say, takes no record of it. Of that one the sweep knows that it is dead.
 */
export const abandonCheckpoint = stateFunction({
  name: 'AbandonCheckpoint',
  input: z.strictObject({ checkpoint: CheckpointId, failure: Failure, lastAttempt: z.boolean() }),
  async run(services, { checkpoint, failure, lastAttempt }, { signal }) {
    const { work } = services.places;
    const options = { reason: failure.Error, signal };
    const state = await abandonRecord(await services.register(), checkpoint, options).catch(
      (error: unknown) => {
        const isFinal =
          error instanceof StoreRefused || (lastAttempt && error instanceof StoreUnavailable);
        if (!isFinal) throw error;
        services.log.warn('The record could not be abandoned', { checkpoint, error: error.name });
        return 'unknown' as const;
      },
    );
    // Committed after all: what failed came after that, and takes nothing from the checkpoint.
    if (state === 'COMMITTED') return { state, failure: null };
    return {
      state,
      failure: await explainFailure(work, `results/${checkpoint}/`, failure, signal),
    };
  },
});

export const handler = handlerOf(abandonCheckpoint);
