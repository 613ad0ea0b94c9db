import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { newVolumeSnapshot } from '../cinder/volume-record.ts';
import { activate, newImage } from '../glance/image-record.ts';
import type { CloudState, Image, Server } from '../state.ts';

/**
 * What createImage makes of a server that boots from a volume: Cinder snapshots of its volumes, and an image without a byte that
 * names them in `block_device_mapping`, active at once.
 */
export function snapshotVolumes(
  state: CloudState,
  server: Server,
  snapshot: {
    name: string;
    inherited: Record<string, string>;
    metadata: Record<string, string>;
  },
): Image {
  const mapping = server.attachments.map((attachment, index) => {
    const volume = state.volumes.get(attachment.volumeId);
    const name = `snapshot for ${snapshot.name}`;
    const taken = volume === undefined ? undefined : newVolumeSnapshot(state, volume, { name });
    return blockDevice({
      snapshotId: taken?.id ?? null,
      sizeGib: volume?.sizeGib ?? 0,
      device: attachment.device,
      bootIndex: index === 0 ? 0 : null,
    });
  });
  const image = newImage(state, server.projectId, {
    name: snapshot.name,
    visibility: 'private',
    diskFormat: 'qcow2',
    containerFormat: 'bare',
    minDiskGib: server.flavor.diskGib,
    properties: {
      ...snapshot.inherited,
      ...snapshot.metadata,
      root_device_name: '/dev/vda',
      block_device_mapping: JSON.stringify(mapping),
      bdm_v2: 'True',
    },
  });
  writeFileSync(image.path, '');
  const digest = { sizeBytes: 0, md5: digestOfNothing('md5'), sha512: digestOfNothing('sha512') };
  activate(state, image, { digest, virtualSizeBytes: null });
  return image;
}

const digestOfNothing = (algorithm: string) => createHash(algorithm).digest('hex');

function blockDevice(device: {
  snapshotId: string | null;
  sizeGib: number;
  device: string;
  bootIndex: number | null;
}) {
  return {
    volume_id: null,
    encrypted: null,
    encryption_options: null,
    disk_bus: 'virtio',
    source_type: 'snapshot',
    device_type: 'disk',
    no_device: null,
    snapshot_id: device.snapshotId,
    volume_size: device.sizeGib,
    encryption_format: null,
    boot_index: device.bootIndex,
    destination_type: 'volume',
    delete_on_termination: false,
    image_id: null,
    volume_type: null,
    device_name: device.device,
    tag: null,
    guest_format: null,
    encryption_secret_uuid: null,
  };
}
