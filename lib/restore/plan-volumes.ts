import type { OpenStack } from '../openstack/open-stack.ts';
import { ROOT_DISK } from '../protect/disks.ts';
import type { DiskDescription, Omission } from '../protect/description.ts';
import { RestoreNotPossible } from './errors.ts';
import type { Mappings } from './mappings.ts';
import type { ImagePlan, VolumePlan } from './plan.ts';

export interface VolumeToPlan {
  description: DiskDescription;
  image: ImagePlan;
}

/**
 * The volumes that the server will have, in the cloud as it is now. Throws one `RestoreNotPossible` that lists what keeps them from being
 * made; what can be done without is listed as not restored.
 */
export async function planVolumes(
  openstack: OpenStack,
  disks: readonly VolumeToPlan[],
  { origin, map = {} }: { origin: { cloud: string; region: string }; map?: Mappings | undefined },
  signal: AbortSignal,
): Promise<{ volumes: VolumePlan[]; notRestored: Omission[] }> {
  if (disks.length === 0) return { volumes: [], notRestored: [] };
  const [identity, types, quota] = await Promise.all([
    openstack.identity({ signal }),
    openstack.volumes.typeNames({ signal }),
    openstack.volumes.freeQuota({ signal }),
  ]);
  const sameRegion = identity.cloud === origin.cloud && identity.region === origin.region;
  const notRestored: Omission[] = [];
  const volumes = disks.flatMap(({ description: { disk, volume }, image }): VolumePlan[] => {
    if (volume === null) return [];
    const { name, sizeGiB, device, deleteOnTermination, tag } = volume;
    const type = volume.type === null ? null : (map['volume-type']?.[volume.type] ?? volume.type);
    const hasType = type !== null && types.includes(type);
    if (type !== null && !hasType) {
      notRestored.push({
        what: `volume type ${type} of disk ${String(disk)}`,
        why: 'The project has none of this name; the volume gets the default. Another one is named by --map volume-type:OLD=NEW.',
      });
    }
    if (volume.availabilityZone !== null && !sameRegion) {
      notRestored.push({
        what: `availability zone ${volume.availabilityZone} of disk ${String(disk)}`,
        why: 'The volume comes from another cloud or region.',
      });
    }
    return [
      {
        disk,
        image,
        name,
        sizeGiB,
        type: hasType ? type : null,
        availabilityZone: sameRegion ? volume.availabilityZone : null,
        device,
        deleteOnTermination,
        tag,
      },
    ];
  });
  const missing: string[] = [];
  const neededGiB = volumes.reduce((sum, { sizeGiB }) => sum + sizeGiB, 0);
  if (quota === undefined) {
    missing.push('the cloud has no block storage service (Cinder)');
  } else {
    if (quota.volumes < volumes.length) {
      missing.push(
        `the quota leaves the project ${String(quota.volumes)} volume${quota.volumes === 1 ? '' : 's'}`,
      );
    }
    if (quota.sizeGiB < neededGiB) {
      missing.push(`the quota leaves the project ${String(quota.sizeGiB)} GiB for volumes`);
    }
  }
  if (missing.length === 0) return { volumes: volumes.toSorted(byDevice), notRestored };
  const count = `${String(volumes.length)} volume${volumes.length === 1 ? '' : 's'}`;
  throw new RestoreNotPossible(
    `The checkpoint's ${count} of ${String(neededGiB)} GiB cannot be restored here: ${missing.join('; ')} (without them: --without-volumes).`,
  );
}

/** The root disk first; /dev/vdb before /dev/vdaa. */
function byDevice(one: VolumePlan, other: VolumePlan): number {
  if (one.disk === ROOT_DISK || other.disk === ROOT_DISK) return one.disk === ROOT_DISK ? -1 : 1;
  const [a, b] = [one.device ?? '', other.device ?? ''];
  return a.length - b.length || a.localeCompare(b) || one.disk - other.disk;
}
