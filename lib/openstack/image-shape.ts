import type { Fields } from './fields.ts';
import type { Image, ImageFilter, ImageTask, NewImage } from './image.ts';

/** Fields of Glance's own; every other key of an image is one of its properties. */
const OWN_FIELDS = new Set([
  'id',
  'name',
  'status',
  'visibility',
  'owner',
  'size',
  'virtual_size',
  'disk_format',
  'container_format',
  'min_disk',
  'min_ram',
  'protected',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'os_hidden',
  'created_at',
  'updated_at',
  'tags',
  'stores',
  'locations',
  'direct_url',
  'self',
  'file',
  'schema',
  'validation_data',
  'member_status',
]);

export function imagePath(imageId: string): string {
  return `/images/${encodeURIComponent(imageId)}`;
}

/** Names that Glance refuses in a request. */
export function isReserved(property: string): boolean {
  return OWN_FIELDS.has(property) || property.startsWith('os_glance');
}

export function imageOf(record: Fields): Image {
  return {
    id: record.required('id'),
    name: record.text('name'),
    status: record.required('status'),
    visibility: record.text('visibility'),
    ownerProjectId: record.text('owner'),
    sizeBytes: record.number('size'),
    virtualSizeBytes: record.number('virtual_size'),
    diskFormat: record.text('disk_format'),
    containerFormat: record.text('container_format'),
    minDiskGiB: record.number('min_disk') ?? 0,
    minRamMiB: record.number('min_ram') ?? 0,
    protected: record.flag('protected') ?? false,
    checksum: record.text('checksum'),
    osHashAlgo: record.text('os_hash_algo'),
    osHashValue: record.text('os_hash_value'),
    createdAt: record.time('created_at'),
    updatedAt: record.time('updated_at'),
    tags: record.texts('tags'),
    storeIds: storeIds(record.text('stores')),
    failedImportStoreIds: storeIds(record.text('os_glance_failed_import')),
    pendingImportStoreIds: storeIds(record.text('os_glance_importing_to_stores')),
    properties: propertiesOf(record),
  };
}

/** `file,ceph`. */
function storeIds(list: string | null): string[] {
  return (list ?? '').split(',').filter((id) => id !== '');
}

function propertiesOf(record: Fields): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const key of record.keys()) {
    const value = record.text(key);
    if (value !== null && !isReserved(key)) properties[key] = value;
  }
  return properties;
}

export function imageRequest(id: string, image: NewImage): object {
  return {
    ...image.properties,
    id,
    name: image.name,
    disk_format: image.diskFormat,
    container_format: image.containerFormat ?? 'bare',
    visibility: 'private',
    min_disk: image.minDiskGiB ?? 0,
    min_ram: image.minRamMiB ?? 0,
    tags: image.tags ?? [],
  };
}

export function filterQuery(filter: ImageFilter): [string, string][] {
  const query: [string, string][] = [];
  if (filter.name !== undefined) query.push(['name', filter.name]);
  if (filter.ownerProjectId !== undefined) query.push(['owner', filter.ownerProjectId]);
  if (filter.status !== undefined) query.push(['status', filter.status]);
  for (const tag of filter.tags ?? []) query.push(['tag', tag]);
  for (const [name, value] of Object.entries(filter.properties ?? {})) query.push([name, value]);
  return query;
}

export function matches(image: Image, filter: ImageFilter): boolean {
  return (
    (filter.name === undefined || image.name === filter.name) &&
    (filter.ownerProjectId === undefined || image.ownerProjectId === filter.ownerProjectId) &&
    (filter.status === undefined || image.status === filter.status) &&
    (filter.tags ?? []).every((tag) => image.tags.includes(tag)) &&
    Object.entries(filter.properties ?? {}).every(
      ([name, value]) => image.properties[name] === value,
    )
  );
}

export function taskOf(record: Fields): ImageTask {
  return {
    id: record.required('id'),
    type: record.text('type') ?? '',
    status: record.text('status') ?? '',
    message: record.text('message'),
    createdAt: record.time('created_at'),
    updatedAt: record.time('updated_at'),
  };
}
