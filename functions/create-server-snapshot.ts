import * as z from 'zod';
import { CheckpointId } from '../lib/bank/register/ids.ts';
import { renewLease } from '../lib/bank/register/lease.ts';
import { handlerOf } from '../lib/handler.ts';
import { SnapshotRaced } from '../lib/openstack/errors.ts';
import type { Server, Snapshot } from '../lib/openstack/server.ts';
import { refuseBusyHost } from '../lib/protect/busy-host.ts';
import {
  BANK_PROPERTY,
  CHECKPOINT_PROPERTY,
  type MarkOf,
  snapshotName,
  STATUS_PROPERTY,
} from '../lib/protect/marks.ts';
import { deleteForgotten, deleteUnfilled, leftSnapshot } from '../lib/protect/left-snapshot.ts';
import { SnapshotProgress, snapshotDeadlineSeconds } from '../lib/protect/snapshot.ts';
import type { Services } from '../lib/services.ts';
import { stateFunction } from '../lib/state-function.ts';

/**
 * Asks Nova for an image of the server's root disk, marked with the checkpoint. The call is not idempotent and its answer may be lost,
 * so it looks first for an image that carries the mark. `forgotten` is the snapshot of a try before, on which Nova no longer works.
 */
export const createServerSnapshot = stateFunction({
  name: 'CreateServerSnapshot',
  input: z.strictObject({
    checkpoint: CheckpointId,
    serverId: z.string(),
    forgotten: SnapshotProgress.nullable(),
  }),
  async run(services, { checkpoint, serverId, forgotten }, { signal }): Promise<SnapshotProgress> {
    const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
    await renewLease(await services.register(), checkpoint, { signal });
    const server = await openstack.servers.show(serverId, { signal });
    const now = services.clock.now();
    const mark = { homeId: bank.info.homeId, checkpoint };
    const bounds =
      forgotten === null
        ? { deadlineSeconds: snapshotDeadlineSeconds(server.flavor.diskGiB ?? 0), tries: 1 }
        : await deleteForgotten(openstack, { serverId, forgotten, now }, signal);
    const left = await leftSnapshot(openstack, mark, signal);
    const snapshot =
      left === undefined
        ? await askForSnapshot(services, { server, mark }, signal)
        : { imageId: left.id, requestId: null };
    return {
      ...snapshot,
      ...bounds,
      startedAt: new Date(services.clock.now()).toISOString(),
      idleSince: null,
    };
  },
});

async function askForSnapshot(
  services: Services,
  { server, mark }: { server: Server; mark: MarkOf },
  signal: AbortSignal,
): Promise<Snapshot> {
  const openstack = await services.openstack();
  await refuseBusyHost(services, openstack, server, signal);
  const metadata = {
    [BANK_PROPERTY]: mark.homeId,
    [CHECKPOINT_PROPERTY]: mark.checkpoint,
    [STATUS_PROPERTY]: server.status,
  };
  const request = { name: snapshotName(mark.checkpoint), metadata };
  try {
    return await openstack.servers.createImage(server.id, request, { signal });
  } catch (error) {
    if (error instanceof SnapshotRaced) await deleteUnfilled(openstack, mark, signal);
    throw error;
  }
}

export const handler = handlerOf(createServerSnapshot);
