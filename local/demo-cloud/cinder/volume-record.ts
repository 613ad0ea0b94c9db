import { join } from 'node:path';

import { BaseImage } from '../disks/base-image.ts';
import { GuestDisk } from '../disks/guest-disk.ts';
import { newUuid } from '../identifiers.ts';
import type { CloudState, Image, Project, Volume, VolumeSnapshot } from '../state.ts';
import { Job } from '../work.ts';

/** A volume that is being created: empty, filled from an image, or with the content of a snapshot. */
export function newVolume(
  state: CloudState,
  project: Project,
  fields: {
    name: string;
    sizeGib: number;
    /** Default: the first there is. */
    type?: string;
    description?: string | null;
    metadata?: Record<string, string>;
    image?: Image;
    snapshot?: VolumeSnapshot;
    encrypted?: boolean;
    multiattach?: boolean;
  },
): Volume {
  const { image, snapshot } = fields;
  const id = newUuid();
  const path = join(state.directory, `volume-${id}`);
  const sizeBytes = fields.sizeGib * state.settings.volumes.gibBytes;
  const volume: Volume = {
    id,
    name: fields.name,
    description: fields.description ?? null,
    projectId: project.id,
    userId: project.userId,
    status: 'creating',
    sizeGib: fields.sizeGib,
    type: fields.type ?? state.settings.volumes.types[0] ?? '',
    metadata: fields.metadata ?? {},
    bootable: false,
    encrypted: fields.encrypted ?? false,
    multiattach: fields.multiattach ?? false,
    sourceSnapshotId: snapshot?.id ?? null,
    imageMetadata:
      image === undefined
        ? snapshot?.imageMetadata && { ...snapshot.imageMetadata }
        : imageMetadataOf(image),
    createdAt: state.clock.now(),
    updatedAt: null,
    disk:
      snapshot === undefined
        ? diskOf(path, sizeBytes, image)
        : snapshot.disk.then((disk) => disk.copy(path)),
  };
  volume.disk.catch(() => undefined);
  state.volumes.set(id, volume);
  return volume;
}

export function becomeAvailable(state: CloudState, volume: Volume): void {
  volume.status = 'available';
  volume.bootable = volume.imageMetadata !== undefined;
  volume.updatedAt = state.clock.now();
}

/** The volume is gone at once, with its disk. */
export async function dropVolume(state: CloudState, volume: Volume): Promise<void> {
  state.volumes.delete(volume.id);
  const disk = await volume.disk.catch(() => undefined);
  await disk?.remove();
}

/** A snapshot of the volume as it is now; `available` after a while. */
export function newVolumeSnapshot(
  state: CloudState,
  volume: Volume,
  fields: { name: string; description?: string | null; metadata?: Record<string, string> },
): VolumeSnapshot {
  const id = newUuid();
  const path = join(state.directory, `volume-snapshot-${id}`);
  const snapshot: VolumeSnapshot = {
    id,
    name: fields.name,
    description: fields.description ?? null,
    projectId: volume.projectId,
    volumeId: volume.id,
    status: 'creating',
    sizeGib: volume.sizeGib,
    metadata: fields.metadata ?? {},
    imageMetadata: volume.imageMetadata && { ...volume.imageMetadata },
    createdAt: state.clock.now(),
    updatedAt: null,
    disk: volume.disk.then((disk) => disk.copy(path)),
  };
  snapshot.disk.catch(() => undefined);
  state.volumeSnapshots.set(id, snapshot);
  const atMs = state.clock.now() + state.settings.durations.actionMs;
  const after = new Job(snapshot.disk);
  const fault = state.faults.ofVolumeSnapshot();
  state.schedule.start(
    [id],
    [
      {
        atMs,
        after,
        run() {
          snapshot.status = fault === 'fails' ? 'error' : 'available';
          snapshot.updatedAt = state.clock.now();
        },
      },
    ],
  );
  return snapshot;
}

async function diskOf(path: string, sizeBytes: number, image?: Image): Promise<GuestDisk> {
  if (image === undefined) return new GuestDisk(path, sizeBytes);
  const base = await BaseImage.open(image.path, image.diskFormat);
  if (base.disk.guestSizeBytes <= sizeBytes) return new GuestDisk(path, sizeBytes, base);
  await base.release();
  throw new Error(`a volume of ${sizeBytes} bytes is too small for image ${image.id}`);
}

function imageMetadataOf(image: Image): Record<string, string> {
  return {
    signature_verified: 'False',
    ...image.properties,
    image_id: image.id,
    image_name: image.name ?? '',
    checksum: image.checksum ?? '',
    container_format: image.containerFormat ?? '',
    disk_format: image.diskFormat ?? '',
    min_disk: String(image.minDiskGib),
    min_ram: String(image.minRamMib),
    size: String(image.sizeBytes ?? 0),
  };
}
