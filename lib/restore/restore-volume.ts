import { DeadlineExceeded } from '../errors.ts';
import { ImageInUse } from '../openstack/errors.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Volume } from '../openstack/volume.ts';
import { nextWaitSeconds, snapshotDeadlineSeconds } from '../protect/snapshot.ts';
import type { Services } from '../services.ts';
import { diskOf, readCheckpoint } from './checkpoint-root.ts';
import { VolumeNotRestored } from './errors.ts';
import { DELETABLE } from './remove-restored.ts';
import { restoredVolumes, restoreMarks } from './marks.ts';
import type { RestorePlan, VolumePlan } from './plan.ts';

export interface VolumeProgress {
  ready: boolean;
  startedAt: string;
  waitSeconds: number;
  warnings: string[];
}

/** Cinder's words for a volume that will be `available`, or is. */
const GETS_ON = new Set(['creating', 'downloading', 'available']);

/**
 * Looks how far the volume of the plan's disk has come: it is made of the image if there is none, found by its mark also when the answer
 * was lost. With it the image has served. Throws `VolumeNotRestored`, `DeadlineExceeded`, `QuotaExceeded`.
 */
export async function restoreVolume(
  services: Services,
  plan: RestorePlan,
  { imageId, startedAt: before }: { imageId: string; startedAt: string | null },
  signal: AbortSignal,
): Promise<VolumeProgress> {
  const openstack = await services.openstack();
  const planned = plan.volumes.find(({ disk }) => disk === plan.disk);
  if (planned === undefined) throw new TypeError(`Disk ${String(plan.disk)} becomes no volume.`);
  const now = services.clock.now();
  const startedAt = before ?? new Date(now).toISOString();
  const waiting = { startedAt, waitSeconds: nextWaitSeconds(startedAt, now), warnings: [] };
  const { description } = diskOf(
    await readCheckpoint(await services.bank(), plan, signal),
    plan.disk,
  );
  const original = description.volume;
  const found = await restoredVolumes(openstack, plan, plan.disk, signal);
  const [left, ...twins] = found.toSorted(byAge);
  if (left === undefined) {
    if (before !== null) throw failed(plan, 'it is gone');
    await openstack.volumes.create(
      {
        name: planned.name ?? '',
        sizeGiB: planned.sizeGiB,
        metadata: { ...original?.metadata, ...restoreMarks(plan, plan.disk) },
        from: { imageId },
        ...(original?.description == null ? {} : { description: original.description }),
        ...(planned.type === null ? {} : { type: planned.type }),
        ...(planned.availabilityZone === null
          ? {}
          : { availabilityZone: planned.availabilityZone }),
      },
      { signal },
    );
    return { ready: false, ...waiting };
  }
  // Another worker may have come at the same moment: all of them keep the oldest.
  for (const { id, status } of twins) {
    if (DELETABLE.has(status)) await openstack.volumes.delete(id, { signal });
  }
  if (left.status !== 'available' || twins.length > 0) {
    requireHope(plan, planned, left, startedAt, now);
    return { ready: false, ...waiting };
  }
  // Cinder calls everything bootable that it made of an image.
  const bootable = original?.bootable ?? true;
  if (left.bootable !== bootable) {
    await openstack.volumes.setBootable(left.id, bootable, { signal });
  }
  const warnings = await removeImage(openstack, imageId, left, signal);
  return { ready: true, ...waiting, warnings };
}

function byAge(a: Volume, b: Volume): number {
  const [one, other] = [a, b].map(({ createdAt, id }) => `${createdAt ?? ''} ${id}`);
  return (one ?? '').localeCompare(other ?? '');
}

/** Where Ceph clones the image into the volume, the image cannot go before it. */
async function removeImage(
  openstack: OpenStack,
  imageId: string,
  { id }: Volume,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    await openstack.images.delete(imageId, { signal });
    return [];
  } catch (error) {
    if (!(error instanceof ImageInUse)) throw error;
    return [`Image ${imageId} stays: the cloud keeps volume ${id} as a clone of it.`];
  }
}

function requireHope(
  plan: RestorePlan,
  { sizeGiB }: VolumePlan,
  { id, status }: Volume,
  startedAt: string,
  now: number,
): void {
  if (!GETS_ON.has(status)) throw failed(plan, `volume ${id} is ${status}`);
  const deadlineSeconds = snapshotDeadlineSeconds(sizeGiB);
  if (now - Date.parse(startedAt) <= deadlineSeconds * 1000) return;
  throw new DeadlineExceeded(
    `Volume ${id} was not made of its image within ${String(deadlineSeconds)} s (${status}).`,
    { identifiers: { restoreId: plan.restoreId, volumeId: id } },
  );
}

function failed({ restoreId, disk }: RestorePlan, why: string): VolumeNotRestored {
  return new VolumeNotRestored(
    `Cinder made no volume of the image of disk ${String(disk)}: ${why}.`,
    { identifiers: { restoreId, disk } },
  );
}
