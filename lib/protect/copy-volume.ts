import * as z from 'zod';
import { DeadlineExceeded } from '../errors.ts';
import { ImageNotFound } from '../openstack/errors.ts';
import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Volume, VolumeSnapshot } from '../openstack/volume.ts';
import type { Services } from '../services.ts';
import type { DiskSource } from './disks.ts';
import { VolumeCopyFailed } from './errors.ts';
import {
  type MarkOf,
  markedImages,
  markedSnapshots,
  markedVolumes,
  snapshotName,
  STATUS_PROPERTY,
  volumeMarks,
} from './marks.ts';
import { nextWaitSeconds, snapshotDeadlineSeconds } from './snapshot.ts';

/** A copy under way, as the machine carries it from call to call. */
export const VolumeCopy = z.strictObject({
  startedAt: z.iso.datetime(),
  /** Once it has been asked for. */
  imageId: z.string().nullable(),
});
export type VolumeCopy = z.infer<typeof VolumeCopy>;

export interface VolumeCopyProgress {
  ready: boolean;
  copy: VolumeCopy;
  waitSeconds: number;
}

export interface CopyTarget {
  checkpoint: string;
  source: DiskSource;
  copy: VolumeCopy | null;
}

/** Cinder's words for a volume that will be `available`, or is being read. */
const VOLUME_GETS_ON = new Set(['creating', 'downloading', 'uploading', 'available']);
const IMAGE_GETS_ON = new Set(['queued', 'saving', 'importing', 'uploading']);

/**
 * Looks how far the copy has come, and asks for its next part: a volume of the snapshot, then an image of the volume. Whatever an earlier
 * call made is found by its mark, also when the answer was lost. Throws `VolumeCopyFailed`, `DeadlineExceeded`, `QuotaExceeded`.
 */
export async function copyVolume(
  services: Services,
  { checkpoint, source, copy }: CopyTarget,
  signal: AbortSignal,
): Promise<VolumeCopyProgress> {
  const [openstack, bank] = await Promise.all([services.openstack(), services.bank()]);
  const mark = { homeId: bank.info.homeId, checkpoint, disk: source.disk };
  const now = services.clock.now();
  const startedAt = copy?.startedAt ?? new Date(now).toISOString();
  const waitSeconds = nextWaitSeconds(startedAt, now);
  const image = await imageOf(openstack, mark, copy, signal);
  if (image?.status === 'active') {
    return { ready: true, copy: { startedAt, imageId: image.id }, waitSeconds };
  }
  const snapshot = await snapshotOf(openstack, mark, source, signal);
  requireTime(source, snapshot, startedAt, now);
  if (image !== undefined) {
    if (!IMAGE_GETS_ON.has(image.status))
      throw failed(source, `image ${image.id} is ${image.status}`);
    return { ready: false, copy: { startedAt, imageId: image.id }, waitSeconds };
  }
  const [volume] = await markedVolumes(openstack, mark, signal);
  const imageId =
    volume === undefined
      ? await beginVolume(openstack, mark, snapshot, signal)
      : await beginImage(openstack, mark, { source, snapshot, volume }, signal);
  return { ready: false, copy: { startedAt, imageId }, waitSeconds };
}

async function imageOf(
  openstack: OpenStack,
  mark: Required<MarkOf>,
  copy: VolumeCopy | null,
  signal: AbortSignal,
): Promise<Image | undefined> {
  const imageId = copy?.imageId ?? null;
  if (imageId === null) return (await markedImages(openstack, mark, signal))[0];
  try {
    return await openstack.images.show(imageId, { signal });
  } catch (error) {
    if (!(error instanceof ImageNotFound)) throw error;
    throw new VolumeCopyFailed(
      `Cinder gave up image ${imageId} of disk ${String(mark.disk)} (a quota or the space of Glance?).`,
      { cause: error, identifiers: { checkpoint: mark.checkpoint, imageId } },
    );
  }
}

async function snapshotOf(
  openstack: OpenStack,
  mark: Required<MarkOf>,
  source: DiskSource,
  signal: AbortSignal,
): Promise<VolumeSnapshot> {
  const snapshots = await markedSnapshots(openstack, mark, signal);
  const snapshot = snapshots.find(({ id }) => id === source.snapshotId);
  if (snapshot?.status === 'available') return snapshot;
  throw failed(source, `its snapshot ${source.snapshotId} is ${snapshot?.status ?? 'gone'}`);
}

/** As large as the snapshot, of the same type. There is no image yet. */
async function beginVolume(
  openstack: OpenStack,
  mark: Required<MarkOf>,
  { id, sizeGiB }: VolumeSnapshot,
  signal: AbortSignal,
): Promise<null> {
  await openstack.volumes.create(
    {
      name: snapshotName(mark.checkpoint, mark.disk),
      sizeGiB,
      metadata: volumeMarks(mark),
      from: { snapshotId: id },
    },
    { signal },
  );
  return null;
}

interface VolumeToRead {
  source: DiskSource;
  snapshot: VolumeSnapshot;
  volume: Volume;
}

/** The image inherits what the volume knows of its image: so the marks are on it from its first moment. */
async function beginImage(
  openstack: OpenStack,
  mark: Required<MarkOf>,
  { source, snapshot, volume }: VolumeToRead,
  signal: AbortSignal,
): Promise<string | null> {
  const { id, status } = volume;
  if (!VOLUME_GETS_ON.has(status)) throw failed(source, `the temporary volume ${id} is ${status}`);
  if (status !== 'available') return null;
  const serverStatus = snapshot.metadata[STATUS_PROPERTY];
  const marks = {
    ...volumeMarks(mark),
    ...(serverStatus === undefined ? {} : { [STATUS_PROPERTY]: serverStatus }),
  };
  await openstack.volumes.setImageMetadata(id, marks, { signal });
  const name = snapshotName(mark.checkpoint, mark.disk);
  return await openstack.volumes.uploadToImage(id, { name }, { signal });
}

/** Copied twice: into the volume and out of it. */
function requireTime(
  source: DiskSource,
  { sizeGiB }: VolumeSnapshot,
  startedAt: string,
  now: number,
): void {
  const deadlineSeconds = 2 * snapshotDeadlineSeconds(sizeGiB);
  if (now - Date.parse(startedAt) <= deadlineSeconds * 1000) return;
  throw new DeadlineExceeded(
    `The copy of volume ${String(source.volumeId)} was not done within ${String(deadlineSeconds)} s.`,
    { identifiers: { disk: source.disk, snapshotId: source.snapshotId } },
  );
}

function failed(source: DiskSource, why: string): VolumeCopyFailed {
  return new VolumeCopyFailed(
    `Volume ${String(source.volumeId)} could not be copied out of its snapshot: ${why}.`,
    { identifiers: { disk: source.disk, snapshotId: source.snapshotId } },
  );
}
