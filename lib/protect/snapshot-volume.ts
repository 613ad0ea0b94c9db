import { DeadlineExceeded } from '../errors.ts';
import type { VolumeSnapshot } from '../openstack/volume.ts';
import type { Services } from '../services.ts';
import { VolumeSnapshotFailed } from './errors.ts';
import { markedSnapshots, snapshotName, STATUS_PROPERTY, volumeMarks } from './marks.ts';
import { nextWaitSeconds, snapshotDeadlineSeconds } from './snapshot.ts';

export interface VolumeToSnapshot {
  checkpoint: string;
  serverId: string;
  disk: number;
  volumeId: string;
  /** When the snapshot was first asked for; null: it has not been. */
  startedAt: string | null;
}

export interface VolumeSnapshotProgress {
  ready: boolean;
  snapshotId: string;
  startedAt: string;
  waitSeconds: number;
}

/**
 * The snapshot that carries the mark of the checkpoint's disk, made if there is none: the call to Cinder is not idempotent, and its
 * answer may be lost. Throws `VolumeSnapshotFailed`, `DeadlineExceeded`, `VolumeNotFound`, `ServerNotFound`, `QuotaExceeded`.
 */
export async function snapshotVolume(
  services: Services,
  target: VolumeToSnapshot,
  signal: AbortSignal,
): Promise<VolumeSnapshotProgress> {
  const { checkpoint, serverId, disk, volumeId } = target;
  const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
  const mark = { homeId: bank.info.homeId, checkpoint, disk };
  const [left] = await markedSnapshots(openstack, mark, signal);
  const now = services.clock.now();
  const startedAt = target.startedAt ?? new Date(now).toISOString();
  if (left === undefined) {
    if (target.startedAt !== null) throw failed(target, 'it is gone');
    const { status } = await openstack.servers.show(serverId, { signal });
    const snapshot = await openstack.volumes.createSnapshot(
      {
        volumeId,
        name: snapshotName(checkpoint, disk),
        metadata: { ...volumeMarks(mark), [STATUS_PROPERTY]: status },
      },
      { signal },
    );
    return { ready: false, snapshotId: snapshot.id, startedAt, waitSeconds: 1 };
  }
  const ready = left.status === 'available';
  if (!ready) requireHope(target, left, startedAt, now);
  return { ready, snapshotId: left.id, startedAt, waitSeconds: nextWaitSeconds(startedAt, now) };
}

function requireHope(
  target: VolumeToSnapshot,
  { id, status, sizeGiB }: VolumeSnapshot,
  startedAt: string,
  now: number,
): void {
  if (!['creating', 'backing-up'].includes(status)) throw failed(target, `${id} is ${status}`);
  const deadlineSeconds = snapshotDeadlineSeconds(sizeGiB);
  if (now - Date.parse(startedAt) <= deadlineSeconds * 1000) return;
  throw new DeadlineExceeded(
    `The snapshot ${id} of volume ${target.volumeId} was not done within ${String(deadlineSeconds)} s.`,
    { identifiers: { volumeId: target.volumeId, snapshotId: id } },
  );
}

function failed({ serverId, volumeId }: VolumeToSnapshot, why: string): VolumeSnapshotFailed {
  return new VolumeSnapshotFailed(
    `The snapshot of volume ${volumeId} of server ${serverId} failed: ${why}.`,
    { identifiers: { serverId, volumeId } },
  );
}
