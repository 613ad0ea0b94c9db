import * as z from 'zod';

import { digestFile, writeRawFile } from '../disks/image-file.ts';
import { activate, dropImage, newImage, touch } from '../glance/image-record.ts';
import type { Answer, Call } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import { microseconds } from '../identifiers.ts';
import type { CloudState, Image, Volume } from '../state.ts';
import { volumeTypeView } from './views.ts';

const schema = z.object({
  image_name: z.string(),
  disk_format: z.literal('raw').default('raw'),
  container_format: z.literal('bare').default('bare'),
});

/** The `os-volume_upload_image` action: 202, and a raw image of the volume after a while. */
export function uploadToImage(
  state: CloudState,
  call: Call,
  volume: Volume,
  body: unknown,
): Answer {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new Refusal(400, z.prettifyError(parsed.error));
  if (volume.status !== 'available') {
    const message = `Invalid volume: Volume ${volume.id} status must be available but current status is: ${volume.status}.`;
    throw new Refusal(400, message);
  }
  const { image_name: name, disk_format: diskFormat, container_format } = parsed.data;
  const image = newImage(state, call.project.id, {
    name,
    visibility: 'private',
    diskFormat,
    containerFormat: container_format,
    properties: propertiesOf(volume),
  });
  startUpload(state, volume, image);
  const { updatedAt } = volume;
  const view = {
    id: volume.id,
    updated_at: updatedAt === null ? null : microseconds(updatedAt),
    status: volume.status,
    display_description: volume.description,
    size: volume.sizeGib,
    volume_type: {
      ...volumeTypeView(volume.type),
      qos_specs_id: null,
      created_at: microseconds(volume.createdAt),
      updated_at: microseconds(volume.createdAt),
      deleted_at: null,
      deleted: false,
    },
    image_id: image.id,
    container_format,
    disk_format: diskFormat,
    image_name: name,
    protected: false,
    visibility: 'private',
  };
  return { status: 202, json: { 'os-volume_upload_image': view } };
}

/** What Cinder knows of the volume's image, but for Glance's own fields (its option glance_core_properties). */
function propertiesOf({ imageMetadata = {} }: Volume): Record<string, string> {
  return Object.fromEntries(
    Object.entries(imageMetadata).filter(([name]) => !CORE_PROPERTIES.has(name)),
  );
}

const CORE_PROPERTIES = new Set([
  'checksum',
  'container_format',
  'disk_format',
  'image_id',
  'image_name',
  'min_disk',
  'min_ram',
  'name',
  'size',
]);

function startUpload(state: CloudState, volume: Volume, image: Image): void {
  const copy = state.work.start(async (signal) => {
    const disk = await volume.disk;
    await disk.frozen((pieces) => writeRawFile(image.path, disk.sizeBytes, pieces));
    return digestFile(image.path, signal);
  });
  const fault = state.faults.ofVolumeUpload();
  const now = state.clock.now();
  const { snapshotMs } = state.settings.durations;
  volume.status = 'uploading';
  state.schedule.start(
    [volume.id, image.id],
    [
      {
        atMs: now + snapshotMs / 2,
        run() {
          image.status = 'saving';
          touch(state, image);
        },
      },
      {
        atMs: now + snapshotMs,
        after: copy,
        run() {
          volume.status = 'available';
          if (fault === undefined && copy.outcome?.ok === true) {
            const digest = copy.outcome.value;
            activate(state, image, { digest, virtualSizeBytes: digest.sizeBytes });
          } else state.work.start(() => dropImage(state, image));
        },
      },
    ],
  );
}
