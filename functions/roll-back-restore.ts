import * as z from 'zod';
import { releasePin } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { explainFailure, Failure } from '../lib/protect/explain-failure.ts';
import { removeAssembly } from '../lib/restore/assembly.ts';
import { restoredImages, restoredServers } from '../lib/restore/marks.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Removes everything that carries the restore's mark: the server before its image, then the parts in the work place and the pin. */
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
    const openstack = await services.openstack();
    for (const { id } of await restoredServers(openstack, plan, signal)) {
      await openstack.servers.delete(id, { signal });
    }
    for (const { id } of await restoredImages(openstack, plan, signal)) {
      await openstack.images.delete(id, { signal });
    }
    await removeAssembly(services.places.work, plan.restoreId, signal);
    await releasePin(await services.register(), plan.pinId, { signal });
    return { failure: explained };
  },
});

export const handler = handlerOf(rollBackRestore);
