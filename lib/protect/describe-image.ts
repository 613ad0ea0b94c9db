import type { Image } from '../openstack/image.ts';
import type { ImageDescription } from './description.ts';

/** Properties that Nova, Glance or snapbank put on a snapshot for themselves: of no use, or harmful, on a restored image. */
const NOT_KEPT = new Set([
  'base_image_ref',
  'block_device_mapping',
  'boot_roles',
  'clean_attempts',
  'bdm_v2',
  'image_location',
  'image_state',
  'image_type',
  'instance_owner',
  'instance_uuid',
  'owner_id',
  'owner_project_name',
  'owner_user_name',
  'root_device_name',
  'signature_verified',
  'user_id',
  'direct_url',
  'locations',
]);
const NOT_KEPT_PREFIXES = ['snapbank_', 'os_glance_', 'img_signature', 'cinder_encryption_key'];

export function describeImage(
  image: Image,
  { kind, sizeBytes }: Pick<ImageDescription, 'kind' | 'sizeBytes'>,
): ImageDescription {
  return {
    id: image.id,
    name: image.name,
    kind,
    diskFormat: image.diskFormat,
    containerFormat: image.containerFormat,
    sizeBytes,
    minDiskGiB: image.minDiskGiB,
    minRamMiB: image.minRamMiB,
    properties: Object.fromEntries(
      Object.entries(image.properties).filter(
        ([name]) =>
          !NOT_KEPT.has(name) && !NOT_KEPT_PREFIXES.some((prefix) => name.startsWith(prefix)),
      ),
    ),
    osHashAlgo: image.osHashAlgo,
    osHashValue: image.osHashValue,
  };
}
