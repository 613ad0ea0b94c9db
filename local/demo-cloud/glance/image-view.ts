import { seconds } from '../identifiers.ts';
import type { CloudState, Image } from '../state.ts';

/** An image as Glance shows it: its own properties beside the fixed ones. */
export function imageView(state: CloudState, image: Image) {
  const base = `/v2/images/${image.id}`;
  const sizeIsShown = state.settings.images.size === 'at-once';
  const hashIsKnown = (image.hashFrom ?? 0) <= state.clock.now();
  return {
    ...image.properties,
    name: image.name,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    visibility: image.visibility,
    size: sizeIsShown ? image.sizeBytes : null,
    virtual_size: sizeIsShown ? image.virtualSizeBytes : null,
    status: image.status,
    checksum: hashIsKnown ? image.checksum : null,
    protected: image.protected,
    min_ram: image.minRamMib,
    min_disk: image.minDiskGib,
    owner: image.projectId,
    os_hidden: image.hidden,
    os_hash_algo: image.hashAlgorithm,
    os_hash_value: hashIsKnown ? image.hashValue : null,
    id: image.id,
    created_at: seconds(image.createdAt),
    updated_at: seconds(image.updatedAt),
    tags: image.tags,
    self: base,
    file: `${base}/file`,
    schema: '/v2/schemas/image',
    ...(image.status === 'active' ? { stores: 'file' } : {}),
  };
}
