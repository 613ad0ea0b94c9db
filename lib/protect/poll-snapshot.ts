import { DeadlineExceeded } from '../errors.ts';
import { ImageNotFound, ServerNotFound } from '../openstack/errors.ts';
import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { InstanceAction, Server } from '../openstack/server.ts';
import { SnapshotFailed } from './errors.ts';
import { refuseVolumeBackedImage, type SnapshotProgress } from './snapshot.ts';

export interface SnapshotState {
  ready: boolean;
  idleSince: string | null;
}

/** States of an image from which it never becomes active (glance: images/workflow). */
const DEAD = new Set(['killed', 'deleted', 'pending_delete', 'deactivated']);
/** Nova may end its task a moment before Glance shows the image active, never this long. */
const IDLE_LIMIT_MILLISECONDS = 120_000;

/**
 * Looks at image, server and server action together, because none alone tells: a failed snapshot's image is simply gone (404), and
 * after a restart of the compute service it stays `queued` for ever while the server has no task any more.
 *
 * Throws `SnapshotFailed`, `DeadlineExceeded`, `VolumeBootedServer`.
 */
export async function pollSnapshot(
  openstack: OpenStack,
  serverId: string,
  snapshot: SnapshotProgress,
  now: number,
  signal?: AbortSignal,
): Promise<SnapshotState> {
  // The server first: if it has no task now, an image that is still not active afterwards has been given up.
  const server = await absent(openstack.servers.show(serverId, { signal }), ServerNotFound);
  const image = await absent(openstack.images.show(snapshot.imageId, { signal }), ImageNotFound);
  if (image?.status === 'active') {
    refuseVolumeBackedImage(image, serverId);
    return { ready: true, idleSince: null };
  }
  const action =
    snapshot.requestId === null || server === undefined
      ? undefined
      : await openstack.servers.instanceAction(serverId, snapshot.requestId, { signal });
  const idleSince = idleSinceWhen(server, snapshot, now);
  const failure = failureOf({ server, image, action, idleSince, now });
  if (failure !== undefined) {
    throw new SnapshotFailed(
      `The snapshot of server ${serverId} failed: ${failure}${actionText(action, snapshot.requestId)}.`,
      { identifiers: { serverId, imageId: snapshot.imageId } },
    );
  }
  if (now - Date.parse(snapshot.startedAt) > snapshot.deadlineSeconds * 1000) {
    throw new DeadlineExceeded(
      `The snapshot of server ${serverId} (image ${snapshot.imageId}, ${image?.status ?? 'gone'}) was not done within ${String(snapshot.deadlineSeconds)} s.`,
      { identifiers: { serverId, imageId: snapshot.imageId } },
    );
  }
  return { ready: false, idleSince };
}

function idleSinceWhen(
  server: Server | undefined,
  snapshot: SnapshotProgress,
  now: number,
): string | null {
  if (server === undefined || server.taskState !== null || server.incomplete) return null;
  return snapshot.idleSince ?? new Date(now).toISOString();
}

interface Observation {
  server: Server | undefined;
  image: Image | undefined;
  action: InstanceAction | undefined;
  idleSince: string | null;
  now: number;
}

function failureOf({ server, image, action, idleSince, now }: Observation): string | undefined {
  if (image === undefined) return 'Nova removed the image';
  if (DEAD.has(image.status)) return `the image is ${image.status}`;
  if (action?.failed === true) return 'the server action ended with an error';
  if (server === undefined) return 'the server was deleted meanwhile';
  if (idleSince !== null && now - Date.parse(idleSince) >= IDLE_LIMIT_MILLISECONDS) {
    return `the image is still ${image.status}, and Nova no longer works on it (restart of the compute service?)`;
  }
  return undefined;
}

function actionText(action: InstanceAction | undefined, requestId: string | null): string {
  if (action === undefined) return requestId === null ? '' : ` (request ${requestId})`;
  const details = action.events.map((event) => event.details ?? '').find((text) => text !== '');
  return ` (action ${action.requestId}: ${details ?? action.message ?? 'no message'})`;
}

async function absent<T>(
  call: Promise<T>,
  missing: abstract new (...args: never[]) => Error,
): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof missing) return undefined;
    throw error;
  }
}
