import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server } from '../openstack/server.ts';
import type { RestorePlan } from './plan.ts';

/** Property of an image and metadata item of a server that a restore makes: found again after a crash, removed on failure. */
export const RESTORE_MARK = 'snapbank_restore';
/** Says on the restored image and server where they come from. */
export const ORIGIN_MARK = 'snapbank_restored_from';

export async function restoredImages(
  openstack: OpenStack,
  { restoreId }: Pick<RestorePlan, 'restoreId'>,
  signal?: AbortSignal,
): Promise<Image[]> {
  const images: Image[] = [];
  const properties = { [RESTORE_MARK]: restoreId };
  for await (const image of openstack.images.list({ properties }, { signal })) {
    // A snapshot of the restored server inherits the properties of its image, and is not ours.
    if (image.properties['instance_uuid'] === undefined) images.push(image);
  }
  return images;
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
