import * as z from 'zod';
import { openCheckpoint as openRecord } from '../lib/bank/register/open-checkpoint.ts';
import { handlerOf } from '../lib/handler.ts';
import { putServerDescription } from '../lib/protect/captured.ts';
import { describeServer } from '../lib/protect/describe-server.ts';
import { identityOf } from '../lib/protect/identity.ts';
import { bootImageIdOf } from '../lib/protect/snapshot.ts';
import { sealSummary } from '../lib/protect/summary.ts';
import { ServerProtectable } from '../lib/protectable.ts';
import { stateFunction } from '../lib/state-function.ts';

/**
 * Opens the execution's checkpoint of one server, resolves whether a snapshot is wanted (the execution's input, else
 * ENABLE_SERVER_SNAPSHOT), and keeps what is known of the server now.
 */
export const openCheckpoint = stateFunction({
  name: 'OpenCheckpoint',
  input: z.strictObject({
    execution: z.string(),
    item: ServerProtectable,
    enableServerSnapshot: z.boolean().nullable(),
  }),
  async run(services, { execution, item, enableServerSnapshot }, { signal }) {
    const openstack = await services.openstack();
    // Where there is a boot image it says whose data is to be saved; nothing else is ever snapshotted.
    const serverId = item.children[0]?.extra_info.server_id ?? item.id;
    const server = await openstack.servers.show(serverId, { signal });
    const bootImageId = bootImageIdOf(server);
    // Everything that can fail for good comes before the record: one that nobody goes on with would block the next backup.
    const [bank, register, identity, description] = await Promise.all([
      services.bank(),
      services.register(),
      identityOf(openstack, server, signal),
      describeServer(openstack, server, signal),
    ]);
    const record = await openRecord(register, {
      execution: {
        id: execution,
        ...(services.process === undefined ? {} : { process: services.process }),
      },
      server: identity,
      bootImage: { cloud: identity.cloud, region: identity.region, imageId: bootImageId },
      summary: await sealSummary(bank, identity, { serverName: server.name, done: null }),
      signal,
    });
    const { checkpoint, state } = record;
    if (state === 'OPEN') await putServerDescription(bank, checkpoint, description, signal);
    return {
      checkpoint,
      state,
      serverId,
      bootImageId,
      enableServerSnapshot: enableServerSnapshot ?? services.settings.enableServerSnapshot,
    };
  },
});

export const handler = handlerOf(openCheckpoint);
