import * as z from 'zod';

import { type Answer, type Call, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState } from '../state.ts';
import { newImage } from './image-record.ts';
import { imageView } from './image-view.ts';
import { mustHaveRoomForImage } from './quota.ts';

const diskFormats = [
  'ami',
  'ari',
  'aki',
  'vhd',
  'vhdx',
  'vmdk',
  'raw',
  'qcow2',
  'vdi',
  'iso',
  'ploop',
];
const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'];
export const readOnly = [
  'status',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
  'stores',
  'locations',
];

const schema = z
  .object({
    id: z.uuid().optional(),
    name: z.string().max(255).nullable().optional(),
    disk_format: z.enum(diskFormats).nullable().optional(),
    container_format: z.enum(containerFormats).nullable().optional(),
    visibility: z.enum(['public', 'private', 'shared', 'community']).optional(),
    min_disk: z.number().int().optional(),
    min_ram: z.number().int().optional(),
    protected: z.boolean().optional(),
    os_hidden: z.boolean().optional(),
    tags: z.array(z.string().max(255)).optional(),
    owner: z.string().optional(),
  })
  .catchall(z.string());

/** `POST /v2/images`: a queued image. Properties that Glance does not know are the image's own. */
export async function createImageRecord(state: CloudState, call: Call): Promise<Answer> {
  const body = await readJson(call);
  const refused = readOnly.find((name) => Object.hasOwn(body as object, name));
  if (refused !== undefined) throw new Refusal(403, `Attribute '${refused}' is read-only.`);
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw mismatch(parsed.error.issues[0], body as Record<string, unknown>);
  const { id, name, disk_format, container_format, visibility, ...rest } = parsed.data;
  const { min_disk, min_ram, protected: isProtected, os_hidden, tags, owner, ...properties } = rest;
  if (visibility === 'public') {
    throw new Refusal(403, 'You are not authorized to complete publicize_image action.');
  }
  if (owner !== undefined && owner !== call.project.id) {
    const message = `You are not permitted to create images owned by '${owner}'.`;
    throw new Refusal(403, message);
  }
  if (id !== undefined && state.images.has(id)) {
    throw new Refusal(409, `Image ID ${id} already exists!`);
  }
  mustHaveRoomForImage(state, call.project);
  const image = newImage(state, call.project.id, {
    ...(id === undefined ? {} : { id }),
    name: name ?? null,
    diskFormat: disk_format ?? null,
    containerFormat: container_format ?? null,
    visibility: visibility ?? 'shared',
    minDiskGib: min_disk ?? 0,
    minRamMib: min_ram ?? 0,
    protected: isProtected ?? false,
    hidden: os_hidden ?? false,
    tags: tags ?? [],
    properties,
  });
  return {
    status: 201,
    headers: {
      Location: `${state.endpoints.image}/v2/images/${image.id}`,
      'Openstack-Image-Import-Methods': state.settings.images.importMethods.join(','),
      'Openstack-Image-Store-Ids': 'file,os_glance_staging_store,os_glance_tasks_store',
    },
    json: imageView(state, image),
  };
}

function mismatch(issue: z.core.$ZodIssue | undefined, body: Record<string, unknown>): Refusal {
  const field = String(issue?.path[0] ?? '');
  const start = "Provided object does not match schema 'image':";
  const reason =
    field === 'disk_format'
      ? `'${String(body[field])}' is not one of [None, ${diskFormats.map((each) => `'${each}'`).join(', ')}]`
      : `${issue?.message ?? ''} (${field})`;
  return new Refusal(400, `${start} ${reason}`);
}
