import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { handlerOf } from '../lib/handler.ts';
import {
  BANK_PROPERTY,
  CHECKPOINT_PROPERTY,
  markedImages,
  snapshotName,
  STATUS_PROPERTY,
} from '../lib/protect/marks.ts';
import { type SnapshotProgress, snapshotDeadlineSeconds } from '../lib/protect/snapshot.ts';
import { refuseBusyHost } from '../lib/protect/busy-host.ts';
import { renewLease } from '../lib/bank/register/lease.ts';
import { stateFunction } from '../lib/state-function.ts';

/**
 * Asks Nova for an image of the server's root disk, marked with the checkpoint. The call is not idempotent and its answer may be lost,
 * so it looks first for an image that carries the mark.
 */
export const createServerSnapshot = stateFunction({
  name: 'CreateServerSnapshot',
  input: z.strictObject({ checkpoint: CheckpointId, serverId: z.string() }),
  async run(services, { checkpoint, serverId }, { signal }): Promise<SnapshotProgress> {
    const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
    await renewLease(await services.register(), checkpoint, { signal });
    const server = await openstack.servers.show(serverId, { signal });
    const { bankId } = bank.info;
    const marked = await markedImages(openstack, { bankId, checkpoint }, signal);
    const left = marked.find(({ name }) => name === snapshotName(checkpoint));
    if (left === undefined) await refuseBusyHost(services, openstack, server, signal);
    const snapshot =
      left === undefined
        ? await openstack.servers.createImage(
            serverId,
            {
              name: snapshotName(checkpoint),
              metadata: {
                [BANK_PROPERTY]: bankId,
                [CHECKPOINT_PROPERTY]: checkpoint,
                [STATUS_PROPERTY]: server.status,
              },
            },
            { signal },
          )
        : { imageId: left.id, requestId: null };
    return {
      ...snapshot,
      startedAt: new Date(services.clock.now()).toISOString(),
      deadlineSeconds: snapshotDeadlineSeconds(server.flavor.diskGiB ?? 0),
      idleSince: null,
    };
  },
});

export const handler = handlerOf(createServerSnapshot);
