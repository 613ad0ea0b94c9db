import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import type { NewServer, NewServerVolume, Server } from '../lib/openstack/server.ts';
import type { ServerDescription } from '../lib/protect/description.ts';
import { readCheckpoint } from '../lib/restore/checkpoint-root.ts';
import { restoredServers, restoreMarks } from '../lib/restore/marks.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { volumesByDisk } from '../lib/restore/volumes-by-disk.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Makes the server of the restored image and volumes, or finds the one that an earlier attempt made. */
export const createServer = stateFunction({
  name: 'CreateServer',
  input: z.strictObject({ plan: RestorePlan, imageId: z.string().nullable() }),
  async run(services, { plan, imageId }, { signal }) {
    const openstack = await services.openstack();
    const [left] = await restoredServers(openstack, plan, signal);
    if (left !== undefined) return { serverId: left.id };
    const { description } = await readCheckpoint(await services.bank(), plan, signal);
    const volumeIds = await volumesByDisk(openstack, plan, signal);
    const volumes = plan.volumes.map(
      ({ disk, device, deleteOnTermination, tag }): NewServerVolume => ({
        volumeId: volumeIds.get(disk) ?? '',
        deleteOnTermination,
        ...(device === null ? {} : { device }),
        ...(tag === null ? {} : { tag }),
      }),
    );
    const server = { ...newServer(plan, imageId, description.server), volumes };
    const created = await openstack.servers.create(server, { signal });
    // Another worker may have come at the same moment: all of them keep the same one.
    const made = (await restoredServers(openstack, plan, signal)).toSorted(byAge);
    for (const { id } of made.slice(1)) await openstack.servers.delete(id, { signal });
    return { serverId: made[0]?.id ?? created.serverId };
  },
});

function byAge(a: Server, b: Server): number {
  const [one, other] = [a, b].map(({ createdAt, id }) => `${createdAt ?? ''} ${id}`);
  return (one ?? '').localeCompare(other ?? '');
}

function newServer(
  plan: RestorePlan,
  imageId: string | null,
  { description, metadata, tags, userData }: ServerDescription,
): NewServer {
  const { server } = plan;
  if (server === null) throw new TypeError('A restore of an image alone makes no server.');
  return {
    name: server.name,
    imageId,
    flavorId: server.flavorId,
    networks:
      server.networks.length === 0
        ? 'none'
        : server.networks.map(({ networkId, fixedIp }) =>
            fixedIp === null ? { networkId } : { networkId, fixedIp },
          ),
    metadata: {
      ...metadata,
      ...restoreMarks(plan),
    },
    tags,
    configDrive: server.configDrive,
    ...(server.securityGroups.length === 0 ? {} : { securityGroups: server.securityGroups }),
    ...(server.keyName === null ? {} : { keyName: server.keyName }),
    ...(server.availabilityZone === null ? {} : { availabilityZone: server.availabilityZone }),
    ...(description === null ? {} : { description }),
    ...(userData === null ? {} : { userData }),
  };
}

export const handler = handlerOf(createServer);
