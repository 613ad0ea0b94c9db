import * as z from 'zod';

import { type Answer, type Call, param, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Volume } from '../state.ts';
import { Job } from '../work.ts';
import { minorVersion } from './minor-version.ts';
import { mustBeWithinQuota } from './quota.ts';
import { findSnapshot } from './snapshots.ts';
import { uploadToImage } from './upload-to-image.ts';
import { volumeTypeView, volumeView } from './views.ts';
import { withMetadata } from './with-metadata.ts';
import { becomeAvailable, dropVolume, newVolume } from './volume-record.ts';

const schema = z.object({
  volume: z.object({
    size: z.number().int().positive().optional(),
    name: z.string().nullable().optional(),
    description: z.string().nullable().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    imageRef: z.string().nullable().optional(),
    snapshot_id: z.string().nullable().optional(),
    volume_type: z.string().nullable().optional(),
    availability_zone: z.string().nullable().optional(),
  }),
});

export function listVolumes(state: CloudState, call: Call, detail: boolean): Answer {
  const own = [...state.volumes.values()]
    .filter(({ projectId }) => projectId === call.project.id)
    .filter(withMetadata(call))
    .reverse();
  const minor = minorVersion(call);
  const volumes = own.map((volume) => {
    const view = volumeView(state, volume, { minor });
    return detail ? view : { id: view.id, name: view.name, links: view.links };
  });
  return { status: 200, json: { volumes } };
}

export function showVolume(state: CloudState, call: Call): Answer {
  const volume = findVolume(state, call);
  return {
    status: 200,
    json: { volume: volumeView(state, volume, { minor: minorVersion(call) }) },
  };
}

export async function createVolume(state: CloudState, call: Call): Promise<Answer> {
  const parsed = schema.safeParse(await readJson(call));
  if (!parsed.success) throw new Refusal(400, z.prettifyError(parsed.error));
  const { volume: request } = parsed.data;
  mustBeWithinQuota(state, call, 'volumes');
  const { types } = state.settings.volumes;
  const wanted = request.volume_type ?? types[0];
  const type = types.find((name) => [name, volumeTypeView(name).id].includes(wanted ?? ''));
  if (type === undefined) {
    throw new Refusal(404, `Volume type with name ${request.volume_type} could not be found.`);
  }
  const snapshot =
    request.snapshot_id == null ? undefined : findSnapshot(state, call, request.snapshot_id);
  const image = request.imageRef == null ? undefined : state.images.get(request.imageRef);
  if (request.imageRef != null && image?.status !== 'active') {
    throw new Refusal(400, 'Invalid image identifier or unable to access requested image.');
  }
  const volume = newVolume(state, call.project, {
    name: request.name ?? '',
    type,
    sizeGib: request.size ?? snapshot?.sizeGib ?? 1,
    description: request.description ?? null,
    metadata: request.metadata ?? {},
    ...(image === undefined ? {} : { image }),
    ...(snapshot === undefined ? {} : { snapshot }),
  });
  const after = new Job(volume.disk);
  const atMs = state.clock.now() + state.settings.durations.actionMs;
  const fault = state.faults.ofVolume();
  const run = () => {
    if (fault === undefined && after.outcome?.ok === true) becomeAvailable(state, volume);
    else volume.status = 'error';
  };
  const view = volumeView(state, volume, { minor: minorVersion(call), created: true });
  state.schedule.start([volume.id], [{ atMs, after, run }]);
  return { status: 202, json: { volume: view } };
}

export function deleteVolume(state: CloudState, call: Call): Answer {
  const volume = findVolume(state, call);
  const hasSnapshots = [...state.volumeSnapshots.values()].some(
    ({ volumeId }) => volumeId === volume.id,
  );
  if (!['available', 'error'].includes(volume.status) || hasSnapshots) {
    throw new Refusal(
      400,
      'Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.',
    );
  }
  volume.status = 'deleting';
  const atMs = state.clock.now() + state.settings.durations.actionMs;
  const run = () => void state.work.start(() => dropVolume(state, volume));
  state.schedule.start([volume.id], [{ atMs, run }]);
  return { status: 202, headers: { 'Content-Type': 'text/html; charset=UTF-8' } };
}

export async function volumeAction(state: CloudState, call: Call): Promise<Answer> {
  const body = (await readJson(call)) as Record<string, unknown> | null;
  const volume = findVolume(state, call);
  const [name = ''] = Object.keys(body ?? {});
  if (name === 'os-volume_upload_image') return uploadToImage(state, call, volume, body?.[name]);
  if (name === 'os-set_image_metadata') return setImageMetadata(volume, body?.[name]);
  if (name === 'os-set_bootable') {
    volume.bootable = z.object({ bootable: z.boolean() }).parse(body?.[name]).bootable;
    return { status: 200, headers: { 'Content-Type': 'text/html; charset=UTF-8' } };
  }
  throw new Refusal(400, `There is no such action: ${name}`);
}

/** Custom properties, which images made of the volume inherit. */
function setImageMetadata(volume: Volume, body: unknown): Answer {
  const parsed = z.object({ metadata: z.record(z.string(), z.string()) }).safeParse(body);
  if (!parsed.success) throw new Refusal(400, z.prettifyError(parsed.error));
  volume.imageMetadata = { ...volume.imageMetadata, ...parsed.data.metadata };
  return { status: 200, json: { metadata: volume.imageMetadata } };
}

function findVolume(state: CloudState, call: Call): Volume {
  const id = param(call, 'volume');
  const volume = state.volumes.get(id);
  if (volume?.projectId !== call.project.id) {
    throw new Refusal(404, `Volume ${id} could not be found.`);
  }
  return volume;
}
