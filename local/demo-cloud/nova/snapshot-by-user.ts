import { newImage } from '../glance/image-record.ts';
import { newRequestId } from '../identifiers.ts';
import type { CloudState, Project, Server } from '../state.ts';
import { recordAction } from './instance-actions.ts';
import { startSnapshot } from './snapshot-course.ts';

/** Somebody snapshots the server, `times` times, each time as soon as it is idle. */
export function snapshotByUser(
  state: CloudState,
  server: Server,
  { project, times, atMs }: { project: Project; times: number; atMs?: number },
): void {
  const image = newImage(state, project.id, { name: 'of a user', visibility: 'private' });
  const requestId = newRequestId();
  const event = 'compute_snapshot_instance';
  const action = recordAction(state, server, { action: 'createImage', event, requestId });
  const onEnd = (endMs: number) => {
    if (times > 1) snapshotByUser(state, server, { project, times: times - 1, atMs: endMs });
  };
  startSnapshot(state, { server, image, action, fault: undefined, project, onEnd }, atMs);
}
