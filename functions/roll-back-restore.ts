import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { explainFailure } from '../lib/protect/explain-failure.ts';
import { Failure } from '../lib/protect/failure.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { removeRestored } from '../lib/restore/remove-restored.ts';
import { forgetRollback, noteRollback } from '../lib/restore/rollbacks.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Removes everything that the restore has made. */
export const rollBackRestore = stateFunction({
  name: 'RollBackRestore',
  input: z.strictObject({ plan: RestorePlan, failure: Failure }),
  async run(services, { plan, failure }, { signal }) {
    services.log.warn('Rolling the restore back', {
      restoreId: plan.restoreId,
      reason: failure.Error,
    });
    const prefix = `results/${plan.restoreId}-`;
    const explained = await explainFailure(services.places.work, prefix, failure, signal);
    const { work } = services.places;
    const now = services.clock.now();
    // Without the note nothing but the sweep's chance to find it is lost.
    await noteRollback(work, plan, now, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      services.log.warn('The roll-back could not be noted', { restoreId: plan.restoreId, why });
    });
    await removeRestored(services, plan, signal);
    await forgetRollback(work, plan.restoreId, signal);
    return { failure: explained };
  },
});

export const handler = handlerOf(rollBackRestore);
