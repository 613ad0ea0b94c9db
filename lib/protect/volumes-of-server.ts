import { OpenStackUnavailable } from '../openstack/errors.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server, VolumeAttachment } from '../openstack/server.ts';
import type { Volume } from '../openstack/volume.ts';
import type { VolumeDescription } from './description.ts';
import { type DiskToProtect, ROOT_DISK } from './disks.ts';
import { VolumeBootedServer, VolumeNotProtectable } from './errors.ts';

/** What a checkpoint of a server is to hold. */
export interface DisksOfServer {
  /** The root disk last: its snapshot takes longest. */
  disks: DiskToProtect[];
  volumes: VolumeDescription[];
  /** What the root disk was made of; null where nobody knows. */
  bootImageId: string | null;
}

/**
 * The root disk, and with `includeVolumes` the attached volumes in the order of their devices. Throws `VolumeBootedServer` for a server
 * whose root disk is a volume unless these are included, `VolumeNotProtectable` for a volume that cannot be copied, and
 * `OpenStackUnavailable` for a server of which Nova shows too little to tell.
 */
export async function disksOfServer(
  openstack: OpenStack,
  server: Server,
  attachments: readonly VolumeAttachment[],
  includeVolumes: boolean,
  signal?: AbortSignal,
): Promise<DisksOfServer> {
  if (server.incomplete) {
    throw new OpenStackUnavailable(
      `Nova shows no more of server ${server.id} than that it exists (${server.status}): it does not reach the cell that the server is in.`,
      { identifiers: { serverId: server.id } },
    );
  }
  if (!includeVolumes) {
    const bootImageId = bootImageIdOf(server);
    return { disks: [{ disk: ROOT_DISK, volumeId: null }], volumes: [], bootImageId };
  }
  const root = server.imageId === null ? rootAttachment(server, attachments) : undefined;
  const data = attachments.filter((one) => one !== root).toSorted(byDevice);
  const volumes: VolumeDescription[] = [];
  let bootImageId = server.imageId;
  for (const [index, attachment] of data.entries()) {
    const volume = await protectableVolume(openstack, server, attachment, signal);
    volumes.push(describeVolume(volume, attachment, ROOT_DISK + 1 + index));
  }
  if (root !== undefined) {
    const volume = await protectableVolume(openstack, server, root, signal);
    volumes.push(describeVolume(volume, root, ROOT_DISK));
    bootImageId = volume.imageMetadata['image_id'] ?? null;
  }
  const disks: DiskToProtect[] = volumes.map(({ disk, id }) => ({ disk, volumeId: id }));
  if (root === undefined) disks.push({ disk: ROOT_DISK, volumeId: null });
  return { disks, volumes, bootImageId };
}

/** Throws `VolumeBootedServer` for a server whose snapshot would hold no data; the id of its boot image otherwise. */
function bootImageIdOf(server: Server): string {
  if (server.imageId !== null) return server.imageId;
  throw new VolumeBootedServer(
    `Server ${server.id} (${server.name}) boots from a volume: its snapshot would be an empty image. Back its volumes up too (--include-volumes), or leave it out.`,
    { identifiers: { serverId: server.id } },
  );
}

/** Nova tells the root device's name to administrators only; it is always the first of its kind. */
function rootAttachment(
  server: Server,
  attachments: readonly VolumeAttachment[],
): VolumeAttachment {
  const { rootDeviceName } = server;
  const root =
    attachments.find(({ device }) => device !== null && device === rootDeviceName) ??
    attachments.find(({ device }) => /^\/dev\/[a-z]+da$/.test(device ?? '')) ??
    (attachments.length === 1 ? attachments[0] : undefined);
  if (root !== undefined) return root;
  throw new VolumeBootedServer(
    `Server ${server.id} (${server.name}) boots from a volume, and none of its ${String(attachments.length)} attached volumes is its root device.`,
    { identifiers: { serverId: server.id } },
  );
}

/** /dev/vdb before /dev/vdaa. */
function byDevice(one: VolumeAttachment, other: VolumeAttachment): number {
  const [a, b] = [one.device ?? '', other.device ?? ''];
  return a.length - b.length || a.localeCompare(b) || one.volumeId.localeCompare(other.volumeId);
}

async function protectableVolume(
  openstack: OpenStack,
  server: Server,
  { volumeId, device }: VolumeAttachment,
  signal?: AbortSignal,
): Promise<Volume> {
  const volume = await openstack.volumes.show(volumeId, { signal });
  const obstacle = obstacleOf(volume);
  if (volume !== undefined && obstacle === undefined) return volume;
  throw new VolumeNotProtectable(
    `Volume ${volumeId} (${device ?? 'no device'}) of server ${server.id} cannot be backed up: ${String(obstacle)}.`,
    { identifiers: { serverId: server.id, volumeId } },
  );
}

function obstacleOf(volume: Volume | undefined): string | undefined {
  if (volume === undefined) return 'Cinder does not show it to this user';
  if (volume.encrypted) return 'it is encrypted, and its key stays in the cloud';
  if (volume.multiattach && volume.attachedServerIds.length > 1) {
    return `it is attached to ${String(volume.attachedServerIds.length)} servers, which write to it independently`;
  }
  if (!['in-use', 'available'].includes(volume.status)) return `it is in status ${volume.status}`;
  return undefined;
}

function describeVolume(
  volume: Volume,
  { device, deleteOnTermination, tag }: VolumeAttachment,
  disk: number,
): VolumeDescription {
  const { id, name, description, sizeGiB, type, availabilityZone, bootable, metadata } = volume;
  return {
    disk,
    id,
    name,
    description,
    sizeGiB,
    type,
    availabilityZone,
    bootable,
    metadata: { ...metadata },
    device,
    deleteOnTermination: deleteOnTermination ?? false,
    tag,
  };
}
