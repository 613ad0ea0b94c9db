import type { Fields } from './fields.ts';
import type { Volume, VolumeSnapshot } from './volume.ts';

export function volumeOf(record: Fields): Volume {
  return {
    id: record.required('id'),
    name: record.text('name'),
    description: record.text('description'),
    status: record.text('status') ?? '',
    sizeGiB: record.number('size') ?? 0,
    type: record.text('volume_type'),
    availabilityZone: record.text('availability_zone'),
    bootable: record.flag('bootable') ?? false,
    encrypted: record.flag('encrypted') ?? false,
    multiattach: record.flag('multiattach') ?? false,
    metadata: record.textsByKey('metadata'),
    imageMetadata: record.textsByKey('volume_image_metadata'),
    attachedServerIds: record
      .children('attachments')
      .map((attachment) => attachment.text('server_id'))
      .filter((serverId) => serverId !== null),
    createdAt: record.time('created_at'),
  };
}

export function volumeSnapshotOf(record: Fields): VolumeSnapshot {
  return {
    id: record.required('id'),
    name: record.text('name'),
    status: record.text('status') ?? '',
    volumeId: record.required('volume_id'),
    sizeGiB: record.number('size') ?? 0,
    metadata: record.textsByKey('metadata'),
    createdAt: record.time('created_at'),
  };
}
