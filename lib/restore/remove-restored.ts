import { releasePin } from '../bank/register/reader-pin.ts';
import type { Services } from '../services.ts';
import { removeAssembly } from './assembly.ts';
import { restoredImages, restoredServers } from './marks.ts';
import type { RestorePlan } from './plan.ts';

/** Removes everything that carries the restore's mark: the server before its image, then the parts in the work place and the pin. */
export async function removeRestored(
  services: Services,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<void> {
  const openstack = await services.openstack();
  for (const { id } of await restoredServers(openstack, plan, signal)) {
    await openstack.servers.delete(id, { signal });
  }
  for (const { id } of await restoredImages(openstack, plan, signal)) {
    await openstack.images.delete(id, { signal });
  }
  await removeAssembly(services.places.work, plan.restoreId, signal);
  await releasePin(await services.register(), plan.pinId, { signal });
}
