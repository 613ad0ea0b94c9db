import * as z from 'zod';
import { releasePin } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { removeAssembly } from '../lib/restore/assembly.ts';
import { AttachedVolume, deviceChanges } from '../lib/restore/attached-volume.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Removes what only the restore needed, and says what it made. */
export const closeRestore = stateFunction({
  name: 'CloseRestore',
  input: z.strictObject({
    plan: RestorePlan,
    /** Null for a server that boots from a volume. */
    imageId: z.string().nullable(),
    serverId: z.string().nullable(),
    volumes: z.array(AttachedVolume).default([]),
    warnings: z.array(z.string()).default([]),
    /** True only after every chunk was read back and compared. */
    identical: z.boolean().nullable(),
  }),
  async run(services, { plan, imageId, serverId, volumes, warnings, identical }, { signal }) {
    await removeAssembly(services.places.work, plan.restoreId, signal);
    await releasePin(await services.register(), plan.pinId, { signal });
    return {
      checkpoint: plan.checkpoint,
      imageId,
      serverId,
      bytes: plan.image.guestSizeBytes,
      identical,
      volumes,
      notRestored: [...plan.notRestored, ...deviceChanges(plan, volumes)],
      warnings,
    };
  },
});

export const handler = handlerOf(closeRestore);
