import { releasePin } from '../bank/register/reader-pin.ts';
import { ImageInUse } from '../openstack/errors.ts';
import type { Services } from '../services.ts';
import { removeAssembly } from './assembly.ts';
import { RemovalUnfinished } from './errors.ts';
import { restoredImages, restoredServers, restoredVolumes } from './marks.ts';
import type { RestorePlan } from './plan.ts';

/** Cinder deletes nothing that is attached or that it works on. */
export const DELETABLE = new Set(['available', 'error']);

/**
 * Removes everything that carries the restore's mark: the server, its volumes, the images, then the parts in the work place and the pin.
 * Throws `RemovalUnfinished` while volumes are left: they are free only when the server is gone, and gone only later.
 */
export async function removeRestored(
  services: Services,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<void> {
  const openstack = await services.openstack();
  for (const { id } of await restoredServers(openstack, plan, signal)) {
    await openstack.servers.delete(id, { signal });
  }
  const volumes =
    plan.volumes.length === 0 ? [] : await restoredVolumes(openstack, plan, undefined, signal);
  for (const { id, status } of volumes) {
    if (DELETABLE.has(status)) await openstack.volumes.delete(id, { signal });
  }
  for (const { id } of await restoredImages(openstack, plan, undefined, signal)) {
    await openstack.images.delete(id, { signal }).catch((error: unknown) => {
      // Where Ceph clones the image into a volume, it goes after the volume.
      if (volumes.length === 0 || !(error instanceof ImageInUse)) throw error;
    });
  }
  await removeAssembly(services.places.work, plan.restoreId, signal);
  await releasePin(await services.register(), plan.pinId, { signal });
  if (volumes.length === 0) return;
  throw new RemovalUnfinished(
    `Volumes of restore ${plan.restoreId} are not gone yet: ${volumes.map(({ id, status }) => `${id} (${status})`).join(', ')}.`,
    { identifiers: { restoreId: plan.restoreId } },
  );
}
