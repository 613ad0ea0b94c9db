import * as z from 'zod';
import { OpenStackUnavailable } from '../openstack/errors.ts';
import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server } from '../openstack/server.ts';
import { VolumeBootedServer } from './errors.ts';

/** Property of a snapshot image that names the bank it is made for: what the sweep looks for. */
export const BANK_PROPERTY = 'snapbank_bank';
/** Property of a snapshot image that names the checkpoint it is made for. */
export const CHECKPOINT_PROPERTY = 'snapbank_checkpoint';
/** Property that keeps the server's status at the time of the snapshot, for the checkpoint's label. */
export const STATUS_PROPERTY = 'snapbank_server_status';

/** A snapshot under way, as the machine carries it from poll to poll. */
export const SnapshotProgress = z.strictObject({
  imageId: z.string(),
  /** Of createImage, by which the server's action is found; null for a snapshot that an earlier attempt asked for. */
  requestId: z.string().nullable(),
  startedAt: z.iso.datetime(),
  deadlineSeconds: z.number().int().positive(),
  /** Since when Nova has no task for the server while the image is not active; null while it has. */
  idleSince: z.iso.datetime().nullable(),
});
export type SnapshotProgress = z.infer<typeof SnapshotProgress>;

/** Images that carry the checkpoint's mark, whatever their state. The boot image never does. */
export async function snapshotImages(
  openstack: OpenStack,
  bankId: string,
  checkpoint: string,
  signal?: AbortSignal,
): Promise<Image[]> {
  const images: Image[] = [];
  const properties = { [BANK_PROPERTY]: bankId, [CHECKPOINT_PROPERTY]: checkpoint };
  for await (const image of openstack.images.list({ properties }, { signal })) {
    if (isSnapshotOf(image, checkpoint)) images.push(image);
  }
  return images;
}

/** The name too, because the snapshots that a user takes of a server inherit the marks of the image that it was made of. */
export function isSnapshotOf(image: Image, checkpoint: string): boolean {
  return image.name === snapshotName(checkpoint);
}

export function snapshotName(checkpoint: string): string {
  return `snapbank-${checkpoint}`;
}

/**
 * Throws `VolumeBootedServer` for a server whose snapshot would hold no data, and `OpenStackUnavailable` for one of which Nova shows
 * too little to tell; the id of its boot image otherwise.
 */
export function bootImageIdOf(server: Server): string {
  if (server.incomplete) {
    throw new OpenStackUnavailable(
      `Nova shows no more of server ${server.id} than that it exists (${server.status}): it does not reach the cell that the server is in.`,
      { identifiers: { serverId: server.id } },
    );
  }
  if (server.imageId !== null) return server.imageId;
  throw new VolumeBootedServer(
    `Server ${server.id} (${server.name}) boots from a volume: its snapshot would be an empty image. Protect its volumes with Cinder backup, or leave it out.`,
    { identifiers: { serverId: server.id } },
  );
}

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
