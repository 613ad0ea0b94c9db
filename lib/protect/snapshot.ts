import * as z from 'zod';
import type { Image } from '../openstack/image.ts';
import { VolumeBootedServer } from './errors.ts';

/** A snapshot under way, as the machine carries it from poll to poll. */
export const SnapshotProgress = z.strictObject({
  imageId: z.string(),
  /** Of createImage, by which the server's action is found; null for a snapshot that an earlier attempt asked for. */
  requestId: z.string().nullable(),
  startedAt: z.iso.datetime(),
  /** From `startedAt`; what is left of the time for all tries. */
  deadlineSeconds: z.number().int().positive(),
  /** Since when Nova does not work on the image, which is not active; null while it may. */
  idleSince: z.iso.datetime().nullable(),
  /** Images asked for so far; before this one Nova gave up all of them. */
  tries: z.number().int().positive(),
});
export type SnapshotProgress = z.infer<typeof SnapshotProgress>;

/** Glance holds nothing for a volume-booted server but a mapping to Cinder's snapshots. */
export function refuseVolumeBackedImage(image: Image, serverId: string): void {
  if (image.sizeBytes !== 0 && image.properties['block_device_mapping'] === undefined) return;
  throw new VolumeBootedServer(
    `Image ${image.id} of server ${serverId} holds no data but refers to volumes.`,
    { identifiers: { serverId, imageId: image.id } },
  );
}

const BASE_DEADLINE_SECONDS = 30 * 60;
/** A snapshot is copied at 8 MiB/s or better on the slowest host that is worth waiting for. */
const SECONDS_PER_GIB = 128;

/** How long a snapshot of a disk of this size may take, waiting in the compute host's queue included. */
export function snapshotDeadlineSeconds(diskGiB: number): number {
  return BASE_DEADLINE_SECONDS + Math.ceil(diskGiB) * SECONDS_PER_GIB;
}

/** Growing waits: a second at first, a fifth of the time that has passed later, a minute at most. */
export function nextWaitSeconds(startedAt: string, now: number): number {
  const elapsedSeconds = (now - Date.parse(startedAt)) / 1000;
  return Math.min(60, Math.max(1, Math.round(elapsedSeconds / 5)));
}
