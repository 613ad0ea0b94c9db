import { constants, copyFile, writeFile } from 'node:fs/promises';

import type { DemoCloud, NewImage } from '../demo-cloud.ts';
import { digestFile } from '../disks/image-file.ts';
import { activate, activeFields, dropImage, newImage } from '../glance/image-record.ts';
import type { CloudState } from '../state.ts';
import { known, projectOf } from './known.ts';

export function imageControls(state: CloudState): Pick<DemoCloud, 'addImage' | 'removeImage'> {
  return {
    addImage: (image) => addImage(state, image),
    removeImage: (imageId) => dropImage(state, known(state.images, 'image', imageId)),
  };
}

async function addImage(state: CloudState, request: NewImage): Promise<string> {
  const image = newImage(state, projectOf(state, request.projectId).id, {
    ...(request.id === undefined ? {} : { id: request.id }),
    name: request.name,
    diskFormat: request.diskFormat,
    containerFormat: request.containerFormat ?? 'bare',
    visibility: request.visibility ?? 'private',
    minDiskGib: request.minDiskGib ?? 0,
    minRamMib: request.minRamMib ?? 0,
    tags: [...(request.tags ?? [])],
    properties: { ...request.properties },
    protected: request.protected ?? false,
  });
  try {
    const { content } = request;
    if (typeof content !== 'string') await writeFile(image.path, content);
    else await copyFile(content, image.path, constants.COPYFILE_FICLONE);
    activate(state, image, await activeFields(image, await digestFile(image.path)));
  } catch (error) {
    await dropImage(state, image);
    throw error;
  }
  return image.id;
}
