import { rm } from 'node:fs/promises';

import * as z from 'zod';

import { type Digest, digestFile } from '../disks/image-file.ts';
import { type Answer, type Call, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import { newUuid } from '../identifiers.ts';
import type { CloudState, Image, ImportTask } from '../state.ts';
import { findOwnImage } from './find-image.ts';
import { activate, activeFields, touch } from './image-record.ts';
import { mustHaveRoomForData } from './quota.ts';
import { downloadTo, isReachable } from './web-download.ts';

const schema = z.object({
  method: z.looseObject({ name: z.string(), uri: z.string().optional() }),
});

const statusFor: Record<string, Image['status']> = {
  'web-download': 'queued',
  'glance-direct': 'uploading',
};

/** `POST /v2/images/{image}/import`: 202, and the image is active, or `queued` again, after a while. */
export async function importImage(state: CloudState, call: Call): Promise<Answer> {
  const parsed = schema.safeParse(await readJson(call));
  if (!parsed.success) throw new Refusal(400, 'Import request requires a method.');
  const { method } = parsed.data;
  const wanted = statusFor[method.name];
  if (wanted === undefined || !state.settings.images.importMethods.includes(method.name)) {
    throw new Refusal(400, `Unknown import method name '${method.name}'.`);
  }
  const image = findOwnImage(state, call);
  if (image.status !== wanted) {
    throw new Refusal(409, `Image with status ${image.status} cannot be target for import`);
  }
  if (image.diskFormat === null || image.containerFormat === null) {
    throw new Refusal(400, "'disk_format' needs to be set before import");
  }
  const uri = method.uri ?? '';
  if (method.name === 'web-download' && !isReachable(uri, state.settings.images)) {
    throw new Refusal(400, `URI for web-download does not pass filtering: ${uri}`);
  }
  mustHaveRoomForData(state, call.project);
  const task: ImportTask = {
    id: newUuid(),
    status: 'pending',
    request: { method },
    requestId: call.requestId,
    userId: call.project.userId,
    message: '',
    createdAt: state.clock.now(),
    updatedAt: state.clock.now(),
  };
  image.tasks.unshift(task);
  image.properties['os_glance_import_task'] = task.id;
  startImport(state, { image, task, fetch: (signal) => fetchData(state, image, uri, signal) });
  return { status: 202, headers: { 'Content-Type': 'text/html; charset=UTF-8' } };
}

async function fetchData(state: CloudState, image: Image, uri: string, signal: AbortSignal) {
  const digest =
    uri === ''
      ? await digestFile(image.path, signal)
      : await downloadTo(image.path, uri, { allowed: state.settings.images, signal });
  return activeFields(image, digest);
}

interface Import {
  image: Image;
  task: ImportTask;
  fetch: (signal: AbortSignal) => Promise<{ digest: Digest; virtualSizeBytes: number | null }>;
}

function startImport(state: CloudState, { image, task, fetch }: Import): void {
  const fault = state.faults.ofImport();
  const fetching = state.work.start(fetch);
  const setTask = (status: ImportTask['status'], message: string) => {
    task.status = status;
    task.message = message;
    task.updatedAt = state.clock.now();
    touch(state, image);
  };
  const now = state.clock.now();
  const { importMs } = state.settings.durations;
  const course = state.schedule.start(
    [image.id],
    [
      {
        atMs: now + importMs * 0.3,
        run() {
          image.status = 'importing';
          image.properties['os_glance_importing_to_stores'] = 'file';
          image.properties['os_glance_failed_import'] = '';
          setTask('processing', '');
          if (fault === 'never-ends') course.cancel();
        },
      },
      {
        atMs: now + importMs,
        after: fetching,
        run() {
          delete image.properties['os_glance_import_task'];
          image.properties['os_glance_importing_to_stores'] = '';
          const fetched = fetching.outcome;
          if (fetched?.ok === true && fault !== 'fails') {
            activate(state, image, fetched.value);
            const copiedMib = Math.floor(fetched.value.digest.sizeBytes / 1024 ** 2);
            setTask('success', `Copied ${copiedMib} MiB`);
            return;
          }
          image.status = 'queued';
          image.sizeBytes = null;
          image.properties['os_glance_failed_import'] = 'file';
          setTask('failure', 'Task failed due to Internal Error');
          state.work.start(() => rm(image.path, { force: true }));
        },
      },
    ],
  );
}
