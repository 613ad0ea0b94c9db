import type { OpenStack } from '../openstack/open-stack.ts';
import { VolumeNotRestored } from './errors.ts';
import { restoredDisk, restoredVolumes } from './marks.ts';
import type { RestorePlan } from './plan.ts';

/** Ids of the volumes that the restore has made, by the number of their disk. Throws `VolumeNotRestored` if one of them is gone. */
export async function volumesByDisk(
  openstack: OpenStack,
  plan: RestorePlan,
  signal?: AbortSignal,
): Promise<Map<number, string>> {
  if (plan.volumes.length === 0) return new Map();
  const volumes = await restoredVolumes(openstack, plan, undefined, signal);
  const ids = new Map(volumes.map((volume) => [restoredDisk(volume), volume.id]));
  for (const { disk } of plan.volumes) {
    if (ids.has(disk)) continue;
    throw new VolumeNotRestored(`The volume that was made of disk ${String(disk)} is gone.`, {
      identifiers: { restoreId: plan.restoreId, disk },
    });
  }
  return ids;
}
