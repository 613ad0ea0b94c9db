import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { startServer as start } from '../lib/protect/stopped-servers.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Starts the server again that StopServer stopped, or looks whether it runs; also when the backup failed. */
export const startServer = stateFunction({
  name: 'StartServer',
  input: z.strictObject({
    checkpoint: CheckpointId,
    /** Of the first call. */
    startedAt: z.iso.datetime().nullable(),
  }),
  async run(services, target, { signal }) {
    return await start(services, target, signal);
  },
});

export const handler = handlerOf(startServer);
