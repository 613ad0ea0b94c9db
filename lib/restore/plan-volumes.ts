import type { OpenStack } from '../openstack/open-stack.ts';
import { ROOT_DISK } from '../protect/disks.ts';
import type { DiskDescription, Omission } from '../protect/description.ts';
import type { VolumeQuota } from '../openstack/volume.ts';
import { type Mappings, mappedTo } from './mappings.ts';
import { distinct, mapping, type Need, nearest } from './needs.ts';
import type { ImagePlan, VolumePlan } from './plan.ts';

export interface VolumeToPlan {
  description: DiskDescription;
  image: ImagePlan;
}

export interface PlannedVolumes {
  volumes: VolumePlan[];
  needs: Need[];
  /** What keeps them from being made. */
  obstacles: string[];
  notRestored: Omission[];
}

/** The volumes that the server will have, in the cloud as it is now, and what they need and is not here. */
export async function planVolumes(
  openstack: OpenStack,
  disks: readonly VolumeToPlan[],
  { origin, map }: { origin: { cloud: string; region: string }; map?: Mappings | undefined },
  signal: AbortSignal,
): Promise<PlannedVolumes> {
  if (disks.length === 0) return { volumes: [], needs: [], obstacles: [], notRestored: [] };
  const [identity, types, quota] = await Promise.all([
    openstack.identity({ signal }),
    openstack.volumes.typeNames({ signal }),
    openstack.volumes.freeQuota({ signal }),
  ]);
  const sameRegion = identity.cloud === origin.cloud && identity.region === origin.region;
  const needs: Need[] = [];
  const notRestored: Omission[] = [];
  const volumes = disks.flatMap(({ description: { disk, volume }, image }): VolumePlan[] => {
    if (volume === null) return [];
    const { name, sizeGiB, device, deleteOnTermination, tag } = volume;
    const type = mappedTo(map, 'volume-type', volume.type) ?? volume.type;
    const hasType = type !== null && types.includes(type);
    if (type !== null && !hasType) {
      needs.push({
        kind: 'volume-type',
        from: volume.type,
        why: `the project has no ${type}`,
        give: mapping('volume-type', volume.type),
        without: 'The volume gets the default type.',
        ...nearest(
          type,
          types.map((each) => ({ id: null, name: each })),
        ),
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
  const neededGiB = volumes.reduce((sum, { sizeGiB }) => sum + sizeGiB, 0);
  const count = `${String(volumes.length)} volume${volumes.length === 1 ? '' : 's'}`;
  return {
    volumes: volumes.toSorted(byDevice),
    needs: distinct(needs),
    obstacles: obstaclesTo(volumes.length, neededGiB, quota).map(
      (why) => `its ${count} of ${String(neededGiB)} GiB: ${why} (without them: --without-volumes)`,
    ),
    notRestored,
  };
}

function obstaclesTo(count: number, sizeGiB: number, quota: VolumeQuota | undefined): string[] {
  if (quota === undefined) return ['the cloud has no block storage service (Cinder)'];
  const obstacles: string[] = [];
  if (quota.volumes < count) {
    const left = `${String(quota.volumes)} volume${quota.volumes === 1 ? '' : 's'}`;
    obstacles.push(`the quota leaves the project ${left}`);
  }
  if (quota.sizeGiB < sizeGiB) {
    obstacles.push(`the quota leaves the project ${String(quota.sizeGiB)} GiB for volumes`);
  }
  return obstacles;
}

/** The root disk first; /dev/vdb before /dev/vdaa. */
function byDevice(one: VolumePlan, other: VolumePlan): number {
  if (one.disk === ROOT_DISK || other.disk === ROOT_DISK) return one.disk === ROOT_DISK ? -1 : 1;
  const [a, b] = [one.device ?? '', other.device ?? ''];
  return a.length - b.length || a.localeCompare(b) || one.disk - other.disk;
}
