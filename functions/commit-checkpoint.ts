import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { commitUpload } from '../lib/protect/commit.ts';
import { DiskSource } from '../lib/protect/disks.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Writes the root, then commits the record. Repeated after a commit it finds it done. */
export const commitCheckpoint = stateFunction({
  name: 'CommitCheckpoint',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    sources: z.array(DiskSource).min(1),
  }),
  async run(services, { checkpoint, sources }, { signal }) {
    await commitUpload(services, { checkpoint, sources }, signal);
    return { checkpoint };
  },
});

export const handler = handlerOf(commitCheckpoint);
