import { authenticate } from '../authentication.ts';
import { type Answer, type Call, param, type Route } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { Service } from '../http/service.ts';
import { microseconds } from '../identifiers.ts';
import type { CloudState } from '../state.ts';
import { createImageRecord } from './create-image-record.ts';
import { downloadImage } from './download.ts';
import { findImage, findOwnImage } from './find-image.ts';
import { htmlError } from './html-error.ts';
import { dropImage } from './image-record.ts';
import imageSchema from './image-schema.json' with { type: 'json' };
import { imageView } from './image-view.ts';
import { importImage } from './import-image.ts';
import { listImages } from './list-images.ts';
import { patchImage } from './patch-image.ts';
import { stageImage, uploadImage } from './upload.ts';

/** Glance v2 with one store. */
export function glance(state: CloudState): Service {
  return {
    type: 'image',
    routes: routesOf(state),
    authenticate: (call) => authenticate(state, call),
    refuse: (refusal) =>
      htmlError(
        refusal.status === 401
          ? new Refusal(401, notAuthorized, { headers: refusal.headers })
          : refusal,
      ),
  };
}

const notAuthorized =
  'This server could not verify that you are authorized to access the document you requested. Either you supplied the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required.';

function routesOf(state: CloudState): Route[] {
  const route = (
    method: string,
    path: string,
    handle: (state: CloudState, call: Call) => Answer | Promise<Answer>,
  ): Route => ({ method, pattern: `/v2${path}`, handle: (call) => handle(state, call) });
  const image = '/images/{image}';
  return [
    { method: 'GET', pattern: '/', open: true, handle: () => versions(state, 300) },
    { method: 'GET', pattern: '/versions', open: true, handle: () => versions(state, 200) },
    route('GET', '/schemas/image', () => ({ status: 200, json: imageSchema })),
    route('GET', '/info/stores', () => ({
      status: 200,
      json: { stores: [{ id: 'file', default: 'true' }] },
    })),
    route('GET', '/info/import', showImportMethods),
    route('GET', '/images', listImages),
    route('POST', '/images', createImageRecord),
    route('GET', image, (_, call) => ({
      status: 200,
      json: imageView(state, findImage(state, call)),
    })),
    route('PATCH', image, patchImage),
    route('DELETE', image, deleteImage),
    route('GET', `${image}/file`, downloadImage),
    route('PUT', `${image}/file`, uploadImage),
    route('PUT', `${image}/stage`, stageImage),
    route('POST', `${image}/import`, importImage),
    route('GET', `${image}/tasks`, listTasks),
    route('PUT', `${image}/tags/{tag}`, addTag),
    route('DELETE', `${image}/tags/{tag}`, removeTag),
  ];
}

function versions(state: CloudState, status: number): Answer {
  const links = [{ rel: 'self', href: `${state.endpoints.image}/v2/` }];
  const minors = [15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
  const json = {
    versions: minors.map((minor, index) => ({
      id: `v2.${minor}`,
      status: index === 0 ? 'CURRENT' : 'SUPPORTED',
      links,
    })),
  };
  return { status, json };
}

function showImportMethods(state: CloudState): Answer {
  const description = 'Import methods available.';
  const value = state.settings.images.importMethods;
  return { status: 200, json: { 'import-methods': { description, type: 'array', value } } };
}

async function deleteImage(state: CloudState, call: Call): Promise<Answer> {
  const image = findOwnImage(state, call, (id) => `Failed to find image ${id} to delete`);
  if (image.protected) {
    throw new Refusal(403, `Image ${image.id} is protected and cannot be deleted.`);
  }
  await dropImage(state, image);
  return { status: 204, headers: { 'Content-Type': 'text/html; charset=UTF-8' } };
}

/** The tasks keep the whole import request, so a presigned URL too. */
function listTasks(state: CloudState, call: Call): Answer {
  const image = findImage(state, call);
  const tasks = image.tasks.map((task) => ({
    id: task.id,
    type: 'api_image_import',
    status: task.status,
    owner: image.projectId,
    expires_at: microseconds(task.updatedAt + 48 * 3600 * 1000),
    created_at: microseconds(task.createdAt),
    updated_at: microseconds(task.updatedAt),
    deleted_at: null,
    deleted: false,
    image_id: image.id,
    request_id: task.requestId,
    user_id: task.userId,
    input: { image_id: image.id, import_req: task.request, backend: ['file'] },
    result: task.status === 'success' ? { image_id: image.id } : null,
    message: task.message,
  }));
  return { status: 200, json: { tasks } };
}

function addTag(state: CloudState, call: Call): Answer {
  const { tags } = findOwnImage(state, call);
  if (!tags.includes(param(call, 'tag'))) tags.push(param(call, 'tag'));
  return { status: 204 };
}

function removeTag(state: CloudState, call: Call): Answer {
  const image = findOwnImage(state, call);
  const tag = param(call, 'tag');
  if (!image.tags.includes(tag)) throw new Refusal(404, `Failed to find tag ${tag}.`);
  image.tags = image.tags.filter((each) => each !== tag);
  return { status: 204 };
}
