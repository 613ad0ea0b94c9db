import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import { renewLease } from '../lib/bank/register/lease.ts';
import { pollSnapshot } from '../lib/protect/poll-snapshot.ts';
import { nextWaitSeconds, SnapshotProgress } from '../lib/protect/snapshot.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Looks once whether the snapshot image is there, still comes, or never will. */
export const pollImage = stateFunction({
  name: 'PollImage',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    snapshot: SnapshotProgress,
  }),
  async run(services, { checkpoint, serverId, snapshot }, { signal }) {
    const openstack = await services.openstack();
    await renewLease(await services.register(), checkpoint, { signal });
    const now = services.clock.now();
    const { ready, idleSince } = await pollSnapshot(openstack, serverId, snapshot, now, signal);
    return {
      ready,
      waitSeconds: nextWaitSeconds(snapshot.startedAt, now),
      snapshot: { ...snapshot, idleSince },
    };
  },
});

export const handler = handlerOf(pollImage);
