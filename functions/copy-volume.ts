import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { renewLease } from '../lib/bank/register/lease.ts';
import { handlerOf } from '../lib/handler.ts';
import { copyVolume as copy, VolumeCopy } from '../lib/protect/copy-volume.ts';
import { DiskSource } from '../lib/protect/disks.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Takes the next step from a volume's snapshot to an image that can be read: a temporary volume, and the image of that. */
export const copyVolume = stateFunction({
  name: 'CopyVolume',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    source: DiskSource,
    /** What earlier calls have done. */
    copy: VolumeCopy.nullable(),
  }),
  async run(services, input, { signal }) {
    await renewLease(await services.register(), input.checkpoint, { signal });
    return await copy(services, input, signal);
  },
});

export const handler = handlerOf(copyVolume);
