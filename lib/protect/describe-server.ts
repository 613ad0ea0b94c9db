import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server, VolumeAttachment } from '../openstack/server.ts';
import type { Omission, ServerDescription } from './description.ts';
import type { DisksOfServer } from './volumes-of-server.ts';

/** A server, its attached volumes, and what of it the checkpoint will hold. */
export interface ServerToDescribe {
  server: Server;
  attachments: readonly VolumeAttachment[];
  disks: DisksOfServer;
}

/** What is known of a server now, for making it again. Networks that a cloud does not show are left out and said so. */
export async function describeServer(
  openstack: OpenStack,
  { server, attachments, disks }: ServerToDescribe,
  signal?: AbortSignal,
): Promise<ServerDescription> {
  const [ports, networks, flavors] = await Promise.all([
    openstack.network.portsOfServer(server.id, { signal }),
    openstack.network.networks({ signal }),
    openstack.flavors.list({ signal }),
  ]);
  const networkName = new Map(networks.map(({ id, name }) => [id, name]));
  const flavor = flavors.find(({ id, name }) =>
    server.flavor.id === null ? name === server.flavor.name : id === server.flavor.id,
  );
  return {
    id: server.id,
    name: server.name,
    description: server.description,
    hostname: server.hostname,
    status: server.status,
    createdAt: server.createdAt,
    userId: server.userId,
    bootImageId: disks.bootImageId,
    flavor: {
      id: server.flavor.id ?? flavor?.id ?? null,
      name: server.flavor.name ?? flavor?.name ?? null,
      vcpus: server.flavor.vcpus ?? flavor?.vcpus ?? null,
      ramMiB: server.flavor.ramMiB ?? flavor?.ramMiB ?? null,
      diskGiB: server.flavor.diskGiB ?? flavor?.diskGiB ?? null,
      ephemeralGiB: server.flavor.ephemeralGiB ?? flavor?.ephemeralGiB ?? null,
      swapMiB: server.flavor.swapMiB ?? flavor?.swapMiB ?? null,
      extraSpecs: { ...(server.flavor.extraSpecs ?? flavor?.extraSpecs) },
    },
    metadata: { ...server.metadata },
    tags: [...server.tags],
    keyName: server.keyName,
    availabilityZone: server.availabilityZone,
    configDrive: server.configDrive,
    userData: server.userData ?? null,
    securityGroups: [...new Set(server.securityGroupNames)],
    ports: ports.map((port) => ({
      networkId: port.networkId,
      networkName: networkName.get(port.networkId) ?? null,
      macAddress: port.macAddress,
      fixedIps: port.fixedIps.map(({ subnetId, ipAddress }) => ({ subnetId, ipAddress })),
      securityGroupIds: [...port.securityGroupIds],
    })),
    attachedVolumes: attachments.map(({ volumeId, device }) => ({ id: volumeId, device })),
    notCovered: notCovered(
      server,
      attachments
        .map(({ volumeId }) => volumeId)
        .filter((id) => !disks.volumes.some((volume) => volume.id === id)),
    ),
    notCaptured: notCaptured(server),
  };
}

const ROOT_DISK_ONLY = 'A server snapshot holds the root disk only.';
const VOLUMES_LEFT_OUT = `${ROOT_DISK_ONLY} --include-volumes backs volumes up too.`;

function notCovered(server: Server, volumeIds: readonly string[]): Omission[] {
  const omissions = volumeIds.map((id) => ({
    what: `attached volume ${id}`,
    why: VOLUMES_LEFT_OUT,
  }));
  const ephemeralGiB = server.flavor.ephemeralGiB ?? 0;
  if (ephemeralGiB === 0) return omissions;
  const what = `ephemeral disk of ${String(ephemeralGiB)} GiB`;
  return [...omissions, { what, why: ROOT_DISK_ONLY }];
}

function notCaptured(server: Server): Omission[] {
  const omissions = Object.values(server.addresses)
    .flat()
    .filter(({ type }) => type === 'floating')
    .map(({ address }) => ({
      what: `floating IP ${address}`,
      why: 'It belongs to the project, not to the server.',
    }));
  if (server.userData !== undefined) return omissions;
  return [
    ...omissions,
    { what: 'user data, if it had any', why: 'Nova does not show it to this user.' },
  ];
}
