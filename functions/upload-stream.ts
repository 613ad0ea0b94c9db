import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { DiskSource } from '../lib/protect/disks.ts';
import { uploadInOnePass } from '../lib/protect/upload-in-one-pass.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Reads the image in one pass and stores what the bank does not hold. */
export const uploadStream = stateFunction({
  name: 'UploadStream',
  input: z.strictObject({ checkpoint: CheckpointId, serverId: z.string(), source: DiskSource }),
  async run(services, input, call) {
    await uploadInOnePass(services, input, call);
    return {};
  },
});

export const handler = handlerOf(uploadStream);
