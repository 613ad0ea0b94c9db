import type { OpenStack } from '../openstack/open-stack.ts';
import { VolumeSnapshotFailed } from './errors.ts';
import { type MarkOf, markedImages, markedSnapshots, markedVolumes } from './marks.ts';

/** Cinder deletes nothing that it works on. */
const DELETABLE = new Set(['available', 'error', 'error_restoring', 'error_extending']);

/** Deletes every image that was made for a checkpoint, or for one of its volumes. Returns their ids. Safe to repeat. */
export async function deleteMarkedImages(
  openstack: OpenStack,
  mark: MarkOf,
  signal: AbortSignal,
): Promise<string[]> {
  const images = await markedImages(openstack, mark, signal);
  for (const { id } of images) await openstack.images.delete(id, { signal });
  return images.map(({ id }) => id);
}

/** Deletes the temporary volumes of one disk or of all; returns how many there still are, because Cinder works on them. Safe to repeat. */
export async function deleteVolumeCopies(
  openstack: OpenStack,
  mark: MarkOf,
  signal: AbortSignal,
): Promise<number> {
  const volumes = await markedVolumes(openstack, mark, signal);
  for (const { id, status } of volumes) {
    if (DELETABLE.has(status)) await openstack.volumes.delete(id, { signal });
  }
  return volumes.length;
}

/**
 * Deletes the snapshots of a checkpoint's volumes, once nothing is left that was made of them; returns how many there still are. Throws
 * `VolumeSnapshotFailed` for one that Cinder could not delete.
 */
export async function deleteVolumeSnapshots(
  openstack: OpenStack,
  mark: MarkOf,
  signal: AbortSignal,
): Promise<number> {
  const snapshots = await markedSnapshots(openstack, mark, signal);
  const stuck = snapshots.find(({ status }) => status === 'error_deleting');
  for (const { id, status } of snapshots) {
    if (DELETABLE.has(status)) await openstack.volumes.deleteSnapshot(id, { signal });
  }
  if (stuck === undefined) return snapshots.length;
  throw new VolumeSnapshotFailed(
    `Cinder could not delete snapshot ${stuck.id} of volume ${stuck.volumeId} (error_deleting).`,
    { identifiers: { checkpoint: mark.checkpoint, snapshotId: stuck.id } },
  );
}
