import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { renewLease } from '../lib/bank/register/lease.ts';
import { handlerOf } from '../lib/handler.ts';
import { DiskToProtect } from '../lib/protect/disks.ts';
import { snapshotVolume as snapshot } from '../lib/protect/snapshot-volume.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Asks Cinder for a snapshot of a volume, or looks how the one that an earlier call asked for gets on. */
export const snapshotVolume = stateFunction({
  name: 'SnapshotVolume',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    disk: DiskToProtect.extend({ volumeId: z.string() }),
    /** Of the first call. */
    startedAt: z.iso.datetime().nullable(),
  }),
  async run(services, { checkpoint, serverId, disk, startedAt }, { signal }) {
    await renewLease(await services.register(), checkpoint, { signal });
    return await snapshot(services, { checkpoint, serverId, ...disk, startedAt }, signal);
  },
});

export const handler = handlerOf(snapshotVolume);
