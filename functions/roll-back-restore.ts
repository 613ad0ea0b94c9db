import * as z from 'zod';
import { StoreRefused } from '../lib/bank/store/errors.ts';
import { handlerOf } from '../lib/handler.ts';
import { explainFailure } from '../lib/protect/explain-failure.ts';
import { Failure } from '../lib/protect/failure.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { removeRestored } from '../lib/restore/remove-restored.ts';
import { forgetRollback, noteRollback } from '../lib/restore/rollbacks.ts';
import { stateFunction } from '../lib/state-function.ts';

/**
 * Removes everything that the restore has made, and names the error behind a failed Map. Where the store that failed the restore refuses
 * this too, what is in the cloud goes all the same.
 */
export const rollBackRestore = stateFunction({
  name: 'RollBackRestore',
  input: z.strictObject({ plan: RestorePlan, failure: Failure }),
  async run(services, { plan, failure }, { signal }) {
    const { log, clock, places } = services;
    const { restoreId } = plan;
    const { work } = places;
    log.warn('Rolling the restore back', { restoreId, reason: failure.Error });
    // Without the note nothing but the sweep's chance to find it is lost.
    const noted = services.bank().then((bank) => noteRollback(bank, plan, clock.now(), signal));
    await noted.catch((error: unknown) => {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      log.warn('The roll-back could not be noted', { restoreId, why });
    });
    // What it is explained by goes, too; but where that cannot be read, the cloud is not to wait for it.
    const [explained] = await Promise.allSettled([
      explainFailure(work, `results/${restoreId}-`, failure, signal),
    ]);
    try {
      await removeRestored(services, plan, signal);
      await forgetRollback(work, restoreId, signal);
    } catch (error) {
      if (!(error instanceof StoreRefused)) throw error;
      // The cloud comes first. What stays in the store runs out or is swept.
      log.warn('What the restore has in the store stays', { restoreId, error: error.name });
    }
    return { failure: explained.status === 'fulfilled' ? explained.value : failure };
  },
});

export const handler = handlerOf(rollBackRestore);
