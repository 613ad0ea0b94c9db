import { rm } from 'node:fs/promises';

import { writeImageFile } from '../disks/image-file.ts';
import { type Answer, type Call, header } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Image } from '../state.ts';
import { findOwnImage } from './find-image.ts';
import { activate, activeFields, touch } from './image-record.ts';
import { mustHaveRoomForData } from './quota.ts';

const noContent: Answer = { status: 204, headers: { 'Content-Type': 'text/html; charset=UTF-8' } };

/** `PUT /v2/images/{image}/file`: one request with all the data. One that is cut off leaves the image `queued`. */
export async function uploadImage(state: CloudState, call: Call): Promise<Answer> {
  const image = await receive(state, call, 'saving');
  const fields = await activeFields(image.image, image.digest);
  activate(state, image.image, fields);
  return noContent;
}

/** `PUT /v2/images/{image}/stage`: the data of a later `glance-direct` import. */
export async function stageImage(state: CloudState, call: Call): Promise<Answer> {
  const { image, digest } = await receive(state, call, 'uploading');
  image.sizeBytes = digest.sizeBytes;
  touch(state, image);
  return noContent;
}

async function receive(state: CloudState, call: Call, status: 'saving' | 'uploading') {
  const type = header(call, 'content-type') ?? '';
  if (type !== 'application/octet-stream') {
    throw new Refusal(415, `The request media type ${type} is not supported by this server.`);
  }
  const image = findOwnImage(state, call);
  if (image.status !== 'queued') {
    const message = `Image status transition from ${image.status} to ${status} is not allowed`;
    throw new Refusal(409, message);
  }
  if (image.diskFormat === null || image.containerFormat === null) {
    throw new Refusal(
      400,
      'Properties disk_format, container_format must be set prior to saving data.',
    );
  }
  mustHaveRoomForData(state, call.project);
  image.status = status;
  touch(state, image);
  const outcome = await state.work.start(() => writeImageFile(image.path, call.incoming)).over;
  if (!outcome.ok) {
    await forget(state, image);
    throw new Refusal(400, 'The upload was cut off.');
  }
  if (!state.images.has(image.id)) {
    await rm(image.path, { force: true });
    throw new Refusal(410, `Image ${image.id} was deleted while its data was uploaded.`);
  }
  return { image, digest: outcome.value };
}

async function forget(state: CloudState, image: Image): Promise<void> {
  await rm(image.path, { force: true });
  image.status = 'queued';
  image.sizeBytes = null;
  touch(state, image);
}
