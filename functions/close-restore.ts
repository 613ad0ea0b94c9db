import * as z from 'zod';
import { releasePin } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { removeAssembly } from '../lib/restore/assembly.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Removes what only the restore needed, and says what it made. */
export const closeRestore = stateFunction({
  name: 'CloseRestore',
  input: z.strictObject({
    plan: RestorePlan,
    imageId: z.string(),
    serverId: z.string().nullable(),
    /** True only after every chunk was read back and compared. */
    identical: z.boolean().nullable(),
  }),
  async run(services, { plan, imageId, serverId, identical }, { signal }) {
    await removeAssembly(services.places.work, plan.restoreId, signal);
    await releasePin(await services.register(), plan.pinId, { signal });
    return {
      checkpoint: plan.checkpoint,
      imageId,
      serverId,
      bytes: plan.image.guestSizeBytes,
      identical,
      notRestored: plan.notRestored,
      warnings: [],
    };
  },
});

export const handler = handlerOf(closeRestore);
