import { createHash } from 'node:crypto';

import { microseconds } from '../identifiers.ts';
import type { CloudState, Volume, VolumeSnapshot } from '../state.ts';

const idOf = (what: string): string =>
  createHash('md5')
    .update(what)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export function volumeTypeView(name: string) {
  return {
    id: idOf(`volume type ${name}`),
    name,
    is_public: true,
    description: name === '__DEFAULT__' ? 'Default Volume Type' : null,
    extra_specs: {},
  };
}

/** `created` leaves out what only an existing volume has. */
export function volumeView(
  state: CloudState,
  volume: Volume,
  { minor, created = false }: { minor: number; created?: boolean },
) {
  const base = state.endpoints.volumev3;
  const { id, projectId } = volume;
  return {
    id,
    status: volume.status,
    size: volume.sizeGib,
    availability_zone: 'nova',
    created_at: microseconds(volume.createdAt),
    updated_at: volume.updatedAt === null ? null : microseconds(volume.updatedAt),
    name: volume.name,
    description: volume.description,
    volume_type: volume.type,
    snapshot_id: volume.sourceSnapshotId,
    source_volid: null,
    metadata: volume.metadata,
    links: [
      { rel: 'self', href: `${base}/v3/${projectId}/volumes/${id}` },
      { rel: 'bookmark', href: `${base}/${projectId}/volumes/${id}` },
    ],
    user_id: volume.userId,
    bootable: String(volume.bootable),
    encrypted: volume.encrypted,
    replication_status: null,
    consistencygroup_id: null,
    multiattach: volume.multiattach,
    attachments: attachmentsOf(state, volume),
    ...(minor >= 13 ? { group_id: null } : {}),
    ...(minor >= 48
      ? { shared_targets: created, service_uuid: created ? null : idOf('cinder-volume') }
      : {}),
    ...(minor >= 63 ? { volume_type_id: volumeTypeView(volume.type).id } : {}),
    ...(minor >= 65 ? { consumes_quota: true } : {}),
    ...(created ? {} : { 'os-vol-tenant-attr:tenant_id': projectId }),
    ...(created || volume.imageMetadata === undefined
      ? {}
      : { volume_image_metadata: volume.imageMetadata }),
  };
}

export function snapshotView(snapshot: VolumeSnapshot, { created = false } = {}) {
  const project = 'os-extended-snapshot-attributes:project_id';
  const progress = 'os-extended-snapshot-attributes:progress';
  return {
    id: snapshot.id,
    created_at: microseconds(snapshot.createdAt),
    updated_at: created ? null : microseconds(snapshot.updatedAt ?? snapshot.createdAt),
    name: snapshot.name,
    description: snapshot.description,
    volume_id: snapshot.volumeId,
    status: snapshot.status,
    size: snapshot.sizeGib,
    metadata: snapshot.metadata,
    ...(created
      ? {}
      : {
          [project]: snapshot.projectId,
          [progress]: snapshot.status === 'available' ? '100%' : '90%',
        }),
  };
}

function attachmentsOf(state: CloudState, volume: Volume) {
  return [...state.servers.values()].flatMap((server) =>
    server.attachments
      .filter(({ volumeId }) => volumeId === volume.id)
      .map((attachment) => ({
        id: volume.id,
        attachment_id: attachment.id,
        volume_id: volume.id,
        server_id: server.id,
        host_name: null,
        device: attachment.device,
        attached_at: microseconds(attachment.attachedAt),
      })),
  );
}
