import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server } from '../openstack/server.ts';
import type { Volume } from '../openstack/volume.ts';
import type { RestorePlan } from './plan.ts';

/** Property of an image and metadata item of a server or volume that a restore makes: found again after a crash, removed on failure. */
export const RESTORE_MARK = 'snapbank_restore';
/** Says on what was restored where it comes from. */
export const ORIGIN_MARK = 'snapbank_restored_from';
/** Says on an image and a volume which disk of the checkpoint they are. */
const DISK_MARK = 'snapbank_restored_disk';

/** What is put on an image, on a volume, and without a disk on a server. */
export function restoreMarks(
  { restoreId, checkpoint }: Pick<RestorePlan, 'restoreId' | 'checkpoint'>,
  disk?: number,
): Record<string, string> {
  return {
    [RESTORE_MARK]: restoreId,
    [ORIGIN_MARK]: checkpoint,
    ...(disk === undefined ? {} : { [DISK_MARK]: String(disk) }),
  };
}

export async function restoredImages(
  openstack: OpenStack,
  { restoreId }: Pick<RestorePlan, 'restoreId'>,
  disk: number | undefined,
  signal?: AbortSignal,
): Promise<Image[]> {
  const images: Image[] = [];
  const properties = filterOf(restoreId, disk);
  for await (const image of openstack.images.list({ properties }, { signal })) {
    // A snapshot of the restored server inherits the properties of its image, and is not ours.
    if (image.properties['instance_uuid'] === undefined) images.push(image);
  }
  return images;
}

export async function restoredVolumes(
  openstack: OpenStack,
  { restoreId }: Pick<RestorePlan, 'restoreId'>,
  disk: number | undefined,
  signal?: AbortSignal,
): Promise<Volume[]> {
  const volumes: Volume[] = [];
  const metadata = filterOf(restoreId, disk);
  for await (const volume of openstack.volumes.list({ metadata }, { signal })) volumes.push(volume);
  return volumes;
}

/** Which disk of the checkpoint a restored volume is. */
export function restoredDisk({ metadata }: Volume): number {
  return Number(metadata[DISK_MARK]);
}

function filterOf(restoreId: string, disk: number | undefined): Record<string, string> {
  return {
    [RESTORE_MARK]: restoreId,
    ...(disk === undefined ? {} : { [DISK_MARK]: String(disk) }),
  };
}

export async function restoredServers(
  openstack: OpenStack,
  { restoreId, server }: Pick<RestorePlan, 'restoreId' | 'server'>,
  signal?: AbortSignal,
): Promise<Server[]> {
  if (server === null) return [];
  const servers: Server[] = [];
  for await (const found of openstack.servers.list({ names: [server.name] }, { signal })) {
    if (found.metadata[RESTORE_MARK] === restoreId) servers.push(found);
  }
  return servers;
}
