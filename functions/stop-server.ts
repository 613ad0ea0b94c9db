import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { renewLease } from '../lib/bank/register/lease.ts';
import { handlerOf } from '../lib/handler.ts';
import { stopServer as stop } from '../lib/protect/stopped-servers.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Stops a running server, or looks whether the one that an earlier call stopped has come to rest. */
export const stopServer = stateFunction({
  name: 'StopServer',
  input: z.strictObject({
    execution: z.string(),
    checkpoint: CheckpointId,
    serverId: z.string(),
    /** Of the first call. */
    startedAt: z.iso.datetime().nullable(),
  }),
  async run(services, target, { signal }) {
    await renewLease(await services.register(), target.checkpoint, { signal });
    return await stop(services, target, signal);
  },
});

export const handler = handlerOf(stopServer);
