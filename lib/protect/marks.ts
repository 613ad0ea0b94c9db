import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Volume, VolumeSnapshot } from '../openstack/volume.ts';

/** Property of whatever is made for a bank's checkpoint that names the bank: what the sweep looks for. */
export const BANK_PROPERTY = 'snapbank_bank';
/** Property that names the checkpoint. */
export const CHECKPOINT_PROPERTY = 'snapbank_checkpoint';
/** Property that names the disk of the checkpoint; on the image of a server snapshot there is none. */
const DISK_PROPERTY = 'snapbank_disk';
/** Property that keeps the server's status at the time of the snapshot, for the checkpoint's label. */
export const STATUS_PROPERTY = 'snapbank_server_status';

export interface MarkOf {
  homeId: string;
  checkpoint: string;
  /** What is made for this volume alone. */
  disk?: number;
}

/** What is put on a snapshot and on copies of a volume when they are made. */
export function volumeMarks(mark: Required<MarkOf>): Record<string, string> {
  return {
    [BANK_PROPERTY]: mark.homeId,
    [CHECKPOINT_PROPERTY]: mark.checkpoint,
    [DISK_PROPERTY]: String(mark.disk),
  };
}

export function snapshotName(checkpoint: string, disk?: number): string {
  return disk === undefined ? `snapbank-${checkpoint}` : `snapbank-${checkpoint}-${String(disk)}`;
}

/** The name too, because the snapshots that a user takes of a server or volume inherit the marks of what they were made of. */
export function isMadeFor(thing: { name: string | null }, checkpoint: string): boolean {
  const name = snapshotName(checkpoint);
  return thing.name === name || thing.name?.startsWith(`${name}-`) === true;
}

/** Images that carry the checkpoint's mark, whatever their state. The boot image never does. */
export async function markedImages(
  openstack: OpenStack,
  mark: MarkOf,
  signal?: AbortSignal,
): Promise<Image[]> {
  const images: Image[] = [];
  for await (const image of openstack.images.list({ properties: filterOf(mark) }, { signal })) {
    if (isMadeFor(image, mark.checkpoint)) images.push(image);
  }
  return images;
}

export async function markedVolumes(
  openstack: OpenStack,
  mark: MarkOf,
  signal?: AbortSignal,
): Promise<Volume[]> {
  const volumes: Volume[] = [];
  for await (const volume of openstack.volumes.list({ metadata: filterOf(mark) }, { signal })) {
    if (isMadeFor(volume, mark.checkpoint)) volumes.push(volume);
  }
  return volumes;
}

export async function markedSnapshots(
  openstack: OpenStack,
  mark: MarkOf,
  signal?: AbortSignal,
): Promise<VolumeSnapshot[]> {
  const snapshots: VolumeSnapshot[] = [];
  const filter = { metadata: filterOf(mark) };
  for await (const snapshot of openstack.volumes.listSnapshots(filter, { signal })) {
    if (isMadeFor(snapshot, mark.checkpoint)) snapshots.push(snapshot);
  }
  return snapshots;
}

function filterOf({ homeId, checkpoint, disk }: MarkOf): Record<string, string> {
  return {
    [BANK_PROPERTY]: homeId,
    [CHECKPOINT_PROPERTY]: checkpoint,
    ...(disk === undefined ? {} : { [DISK_PROPERTY]: String(disk) }),
  };
}
