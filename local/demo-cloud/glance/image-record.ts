import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Digest, virtualSizeOf } from '../disks/image-file.ts';
import { newUuid } from '../identifiers.ts';
import type { CloudState, Image } from '../state.ts';

/** A new image without data, entered in the state. */
export function newImage(
  state: CloudState,
  projectId: string,
  fields: Partial<Omit<Image, 'projectId' | 'path'>>,
): Image {
  const now = state.clock.now();
  const id = fields.id ?? newUuid();
  const image: Image = {
    name: null,
    status: 'queued',
    visibility: 'shared',
    diskFormat: null,
    containerFormat: null,
    sizeBytes: null,
    virtualSizeBytes: null,
    checksum: null,
    hashAlgorithm: null,
    hashValue: null,
    minDiskGib: 0,
    minRamMib: 0,
    protected: false,
    hidden: false,
    tags: [],
    properties: {},
    createdAt: now,
    updatedAt: now,
    tasks: [],
    ...fields,
    id,
    projectId,
    path: join(state.directory, `image-${id}`),
  };
  state.images.set(id, image);
  return image;
}

/** The image's file is whole: from now on it can be downloaded and booted. */
export async function activeFields(image: Image, digest: Digest) {
  return { digest, virtualSizeBytes: await virtualSizeOf(image.path, image.diskFormat ?? '') };
}

export function activate(
  state: CloudState,
  image: Image,
  { digest, virtualSizeBytes }: { digest: Digest; virtualSizeBytes: number | null },
): void {
  const { hash, lateHashMs } = state.settings.images;
  const now = state.clock.now();
  image.status = 'active';
  image.sizeBytes = digest.sizeBytes;
  image.virtualSizeBytes = virtualSizeBytes;
  image.updatedAt = now;
  if (hash === 'never') return;
  image.hashAlgorithm = 'sha512';
  image.hashValue = digest.sha512;
  image.checksum = digest.md5;
  if (hash === 'late') image.hashFrom = now + lateHashMs;
}

/** Takes the image and its file away. A download under way goes on to its end. */
export async function dropImage(state: CloudState, image: Image): Promise<void> {
  state.images.delete(image.id);
  await rm(image.path, { force: true });
}

export function touch(state: CloudState, image: Image): void {
  image.updatedAt = state.clock.now();
}
