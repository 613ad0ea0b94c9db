import * as z from 'zod';

import { type Answer, type Call, param, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, VolumeSnapshot } from '../state.ts';
import { mustBeWithinQuota } from './quota.ts';
import { snapshotView } from './views.ts';
import { newVolumeSnapshot } from './volume-record.ts';
import { withMetadata } from './with-metadata.ts';

const schema = z.object({
  snapshot: z.object({
    volume_id: z.string(),
    name: z.string().nullable().optional(),
    description: z.string().nullable().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    force: z.boolean().optional(),
  }),
});

export function listSnapshots(state: CloudState, call: Call): Answer {
  const snapshots = [...state.volumeSnapshots.values()]
    .filter(({ projectId }) => projectId === call.project.id)
    .filter(withMetadata(call))
    .reverse()
    .map((snapshot) => snapshotView(snapshot));
  return { status: 200, json: { snapshots } };
}

export function showSnapshot(state: CloudState, call: Call): Answer {
  const snapshot = findSnapshot(state, call, param(call, 'snapshot'));
  return { status: 200, json: { snapshot: snapshotView(snapshot) } };
}

export async function createSnapshot(state: CloudState, call: Call): Promise<Answer> {
  const parsed = schema.safeParse(await readJson(call));
  if (!parsed.success) throw new Refusal(400, z.prettifyError(parsed.error));
  const { snapshot: request } = parsed.data;
  const volume = state.volumes.get(request.volume_id);
  if (volume?.projectId !== call.project.id) {
    throw new Refusal(404, `Volume ${request.volume_id} could not be found.`);
  }
  if (volume.status !== 'available' && request.force !== true) {
    const message = `Invalid volume: Volume ${volume.id} status must be available, but current status is: ${volume.status}.`;
    throw new Refusal(400, message);
  }
  mustBeWithinQuota(state, call, 'snapshots');
  const snapshot = newVolumeSnapshot(state, volume, {
    name: request.name ?? '',
    description: request.description ?? null,
    metadata: request.metadata ?? {},
  });
  return { status: 202, json: { snapshot: snapshotView(snapshot, { created: true }) } };
}

export function deleteSnapshot(state: CloudState, call: Call): Answer {
  const snapshot = findSnapshot(state, call, param(call, 'snapshot'));
  if (!['available', 'error'].includes(snapshot.status)) {
    const message = `Invalid snapshot: Snapshot status must be available or error, but current status is: ${snapshot.status}.`;
    throw new Refusal(400, message);
  }
  snapshot.status = 'deleting';
  const atMs = state.clock.now() + state.settings.durations.actionMs;
  const run = () => void state.work.start(() => dropSnapshot(state, snapshot));
  state.schedule.start([snapshot.id], [{ atMs, run }]);
  return { status: 202, headers: { 'Content-Type': 'text/html; charset=UTF-8' } };
}

export function findSnapshot(state: CloudState, call: Call, id: string): VolumeSnapshot {
  const snapshot = state.volumeSnapshots.get(id);
  if (snapshot?.projectId !== call.project.id) {
    throw new Refusal(404, `Snapshot ${id} could not be found.`);
  }
  return snapshot;
}

async function dropSnapshot(state: CloudState, snapshot: VolumeSnapshot): Promise<void> {
  state.volumeSnapshots.delete(snapshot.id);
  const disk = await snapshot.disk.catch(() => undefined);
  await disk?.remove();
}
