import * as z from 'zod';
import { openCheckpoint as openRecord } from '../lib/bank/register/open-checkpoint.ts';
import { handlerOf } from '../lib/handler.ts';
import { readAncestorRoot } from '../lib/protect/ancestor-root.ts';
import { putCaptured } from '../lib/protect/captured.ts';
import { describeServer } from '../lib/protect/describe-server.ts';
import { numberedLike } from '../lib/protect/disk-numbers.ts';
import { VolumeBootedServer } from '../lib/protect/errors.ts';
import { identityOf } from '../lib/protect/identity.ts';
import { PlanName } from '../lib/protect/plan-name.ts';
import { sealSummary } from '../lib/protect/summary.ts';
import { disksOfServer } from '../lib/protect/volumes-of-server.ts';
import { ServerProtectable } from '../lib/protectable.ts';
import { stateFunction } from '../lib/state-function.ts';

/** A server's first backup waits for so long while another server's is the first one of their image; then it stores all itself. */
const BASE_WAIT_MILLISECONDS = 3600 * 1000;

/**
 * Opens the execution's checkpoint of one server, resolves whether a snapshot is wanted (the execution's input, else
 * ENABLE_SERVER_SNAPSHOT) and which disks the checkpoint is to hold, and keeps what is known of the server now.
 */
export const openCheckpoint = stateFunction({
  name: 'OpenCheckpoint',
  input: z.strictObject({
    execution: z.string(),
    /** When this server's turn began. */
    startedAt: z.iso.datetime(),
    item: ServerProtectable,
    enableServerSnapshot: z.boolean().nullable(),
    includeVolumes: z.boolean(),
    /** Executions that began before plans were noted do not give it. */
    plan: PlanName.nullable().default(null),
  }),
  async run(services, input, { signal }) {
    const { execution, item, includeVolumes, plan } = input;
    const { log, settings, process } = services;
    const enableServerSnapshot = input.enableServerSnapshot ?? settings.enableServerSnapshot;
    const openstack = await services.openstack();
    // Where there is a boot image it says whose data is to be saved; nothing else is ever snapshotted.
    const serverId = item.children[0]?.extra_info.server_id ?? item.id;
    const server = await openstack.servers.show(serverId, { signal });
    const attachments = await openstack.servers.volumeAttachments(serverId, { signal });
    const found = await disksOfServer(openstack, server, attachments, includeVolumes, signal);
    if (server.imageId === null && !enableServerSnapshot) {
      throw new VolumeBootedServer(
        `Server ${serverId} (${server.name}) boots from a volume, so there is no boot image that could be backed up without a snapshot.`,
        { identifiers: { serverId } },
      );
    }
    // Everything that can fail for good comes before the record: one that nobody goes on with would block the next backup.
    const [bank, register, identity, description] = await Promise.all([
      services.bank(),
      services.register(),
      identityOf(openstack, server, signal),
      describeServer(openstack, { server, attachments, disks: found }, signal),
    ]);
    const { cloud, region } = identity;
    const { bootImageId } = found;
    const record = await openRecord(register, {
      execution: { id: execution, ...(process === undefined ? {} : { process }) },
      server: identity,
      ...(bootImageId === null ? {} : { bootImage: { cloud, region, imageId: bootImageId } }),
      waitForBase: services.clock.now() - Date.parse(input.startedAt) < BASE_WAIT_MILLISECONDS,
      summary: await sealSummary(bank, identity, { serverName: server.name, plan, done: null }),
      signal,
    });
    const { checkpoint, state } = record;
    let { disks, volumes } = found;
    if (record.state === 'OPEN') {
      if (volumes.length > 0) {
        const ancestor = await readAncestorRoot(bank, record, { log, signal });
        const parent = ancestor?.as === 'parent' ? ancestor.pinned.root.description : undefined;
        ({ disks, volumes } = numberedLike(found, parent));
      }
      await putCaptured(bank, checkpoint, { server: description, volumes, plan }, signal);
    }
    return { checkpoint, state, serverId, bootImageId, enableServerSnapshot, disks };
  },
});

export const handler = handlerOf(openCheckpoint);
