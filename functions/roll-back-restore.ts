import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { explainFailure } from '../lib/protect/explain-failure.ts';
import { Failure } from '../lib/protect/failure.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { removeRestored } from '../lib/restore/remove-restored.ts';
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
    await removeRestored(services, plan, signal);
    return { failure: explained };
  },
});

export const handler = handlerOf(rollBackRestore);
