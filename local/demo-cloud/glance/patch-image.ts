import * as z from 'zod';

import { type Answer, type Call, header, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Image } from '../state.ts';
import { readOnly } from './create-image-record.ts';
import { findOwnImage } from './find-image.ts';
import { touch } from './image-record.ts';
import { imageView } from './image-view.ts';

const schema = z.array(
  z.object({
    op: z.enum(['add', 'replace', 'remove']),
    path: z.string().regex(/^\/[^/]+$/),
    value: z.unknown().optional(),
  }),
);

/** `PATCH /v2/images/{image}` with Glance's own JSON patch. */
export async function patchImage(state: CloudState, call: Call): Promise<Answer> {
  const type = header(call, 'content-type') ?? '';
  if (!/^application\/openstack-images-v2\.[01]-json-patch/.test(type)) {
    throw new Refusal(415, `The request media type ${type} is not supported by this server.`);
  }
  const parsed = schema.safeParse(await readJson(call));
  if (!parsed.success) throw new Refusal(400, 'Operation objects must be a list of patches.');
  const image = findOwnImage(state, call);
  for (const { op, path, value } of parsed.data) {
    change(image, { op, name: path.slice(1).replaceAll('~1', '/').replaceAll('~0', '~'), value });
  }
  touch(state, image);
  return { status: 200, json: imageView(state, image) };
}

function change(image: Image, patch: { op: string; name: string; value: unknown }): void {
  const { op, name, value } = patch;
  if (readOnly.includes(name) || name === 'id' || name === 'owner') {
    throw new Refusal(403, `Attribute '${name}' is read-only.`);
  }
  const fields: Record<string, () => void> = {
    name: () => (image.name = String(value)),
    visibility: () => (image.visibility = visibilityOf(value)),
    protected: () => (image.protected = value === true),
    os_hidden: () => (image.hidden = value === true),
    min_disk: () => (image.minDiskGib = Number(value)),
    min_ram: () => (image.minRamMib = Number(value)),
    tags: () => (image.tags = z.array(z.string()).parse(value)),
    disk_format: () => (image.diskFormat = formatOf(image, value)),
    container_format: () => (image.containerFormat = formatOf(image, value)),
  };
  const set = fields[name];
  if (set !== undefined) return set();
  const known = Object.hasOwn(image.properties, name);
  if (op !== 'add' && !known) {
    throw new Refusal(409, `Property ${name} does not exist.`);
  }
  if (op === 'remove') delete image.properties[name];
  else image.properties[name] = String(value);
}

function visibilityOf(value: unknown): string {
  if (value === 'public') {
    throw new Refusal(403, 'You are not authorized to complete publicize_image action.');
  }
  return String(value);
}

function formatOf(image: Image, value: unknown): string {
  if (image.status === 'queued') return String(value);
  throw new Refusal(403, "Attribute 'disk_format' can be replaced only for a queued image.");
}
