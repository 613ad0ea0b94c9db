import { DeadlineExceeded } from '../errors.ts';
import { ImageNotFound, ServerNotFound } from '../openstack/errors.ts';
import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { InstanceAction, Server } from '../openstack/server.ts';
import { SnapshotFailed, SnapshotLost } from './errors.ts';
import { isSuperseded } from './is-superseded.ts';
import { refuseVolumeBackedImage, type SnapshotProgress } from './snapshot.ts';

export interface SnapshotState {
  ready: boolean;
  idleSince: string | null;
}

/** States of an image from which it never becomes active (glance: images/workflow). */
const DEAD = new Set(['killed', 'deleted', 'pending_delete', 'deactivated']);
/** Nova may end its task a moment before Glance shows the image active, never this long. */
const IDLE_LIMIT_MILLISECONDS = 120_000;
/** Nova has put nothing into it, so there is nothing that Glance could be late with. Long enough for more than one look. */
const QUEUED_LIMIT_MILLISECONDS = 30_000;

/**
 * Looks at server, its actions and image together, because none alone tells: a failed snapshot's image is simply gone (404), and one
 * that Nova forgot stays `queued` for ever while the server is idle, or is busy with somebody else's snapshots.
 *
 * Throws `SnapshotFailed`, `SnapshotLost` (ask for another), `DeadlineExceeded`, `VolumeBootedServer`.
 */
export async function pollSnapshot(
  openstack: OpenStack,
  serverId: string,
  snapshot: SnapshotProgress,
  now: number,
  signal?: AbortSignal,
): Promise<SnapshotState> {
  const { servers } = openstack;
  const { requestId, imageId } = snapshot;
  // The image last: if Nova was at work on something else before, an image that is still not active afterwards has been given up.
  const server = await absent(servers.show(serverId, { signal }), ServerNotFound);
  const actions = await servers.instanceActions(serverId, { signal });
  const image = await absent(openstack.images.show(imageId, { signal }), ImageNotFound);
  if (image?.status === 'active') {
    refuseVolumeBackedImage(image, serverId);
    return { ready: true, idleSince: null };
  }
  const identifiers = { serverId, imageId };
  const action = actions?.find((each) => each.requestId === requestId);
  const reason = failureOf({ server, image, action });
  if (reason !== undefined || image === undefined) {
    const ours =
      requestId === null
        ? undefined
        : await servers.instanceAction(serverId, requestId, { signal });
    throw new SnapshotFailed(
      `The snapshot of server ${serverId} failed: ${reason ?? 'Nova removed the image'}${actionText(ours, requestId)}.`,
      { identifiers },
    );
  }
  const given = isIdle(server) || isSuperseded(requestId, image, actions ?? []);
  const idleSince = given ? (snapshot.idleSince ?? new Date(now).toISOString()) : null;
  if (idleSince !== null && now - Date.parse(idleSince) >= patienceWith(image)) {
    throw new SnapshotLost(
      `The snapshot of server ${serverId} is not done, and Nova no longer works on it: image ${imageId} is still ${image.status}${actionText(action, requestId)}.`,
      { identifiers },
    );
  }
  if (now - Date.parse(snapshot.startedAt) > snapshot.deadlineSeconds * 1000) {
    throw new DeadlineExceeded(
      `The snapshot of server ${serverId} (image ${imageId}, ${image.status}) was not done within ${String(snapshot.deadlineSeconds)} s.`,
      { identifiers },
    );
  }
  return { ready: false, idleSince };
}

interface Observation {
  server: Server | undefined;
  image: Image | undefined;
  action: InstanceAction | undefined;
}

function failureOf({ server, image, action }: Observation): string | undefined {
  if (image === undefined) return 'Nova removed the image';
  if (DEAD.has(image.status)) return `the image is ${image.status}`;
  if (action?.failed === true) return 'the server action ended with an error';
  if (server === undefined) return 'the server was deleted meanwhile';
  return undefined;
}

function isIdle(server: Server | undefined): boolean {
  return server?.taskState === null && !server.incomplete;
}

function patienceWith(image: Image): number {
  return image.status === 'queued' ? QUEUED_LIMIT_MILLISECONDS : IDLE_LIMIT_MILLISECONDS;
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
