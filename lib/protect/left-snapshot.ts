import { DeadlineExceeded } from '../errors.ts';
import type { Image } from '../openstack/image.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import { SnapshotLost } from './errors.ts';
import { type MarkOf, markedImages, snapshotName } from './marks.ts';
import type { SnapshotProgress } from './snapshot.ts';

/** Images that are asked for of a server, in the place of ones that Nova forgot. */
const MOST_TRIES = 20;

/**
 * The snapshot of the server itself that an earlier attempt asked for, whose answer was lost. Nova may never fill it: whether it works
 * on it is seen by who waits for it.
 */
export async function leftSnapshot(
  openstack: OpenStack,
  mark: MarkOf,
  signal: AbortSignal,
): Promise<Image | undefined> {
  const images = await ownSnapshots(openstack, mark, signal);
  return images.find(({ status }) => status !== 'queued') ?? images[0];
}

/** Deletes the images of this checkpoint that Nova made and never filled. Safe to repeat. */
export async function deleteUnfilled(
  openstack: OpenStack,
  mark: MarkOf,
  signal: AbortSignal,
): Promise<void> {
  for (const { id, status } of await ownSnapshots(openstack, mark, signal)) {
    if (status === 'queued') await openstack.images.delete(id, { signal });
  }
}

/**
 * Deletes an image that Nova no longer works on, so that another one can be asked for; returns what is left of tries and time. Throws
 * `SnapshotLost` and `DeadlineExceeded` when nothing is.
 */
export async function deleteForgotten(
  openstack: OpenStack,
  { serverId, forgotten, now }: { serverId: string; forgotten: SnapshotProgress; now: number },
  signal: AbortSignal,
): Promise<{ deadlineSeconds: number; tries: number }> {
  const { imageId, tries, startedAt, deadlineSeconds } = forgotten;
  await openstack.images.delete(imageId, { signal });
  const identifiers = { serverId, imageId };
  if (tries >= MOST_TRIES) {
    throw new SnapshotLost(
      `Nova was asked for ${String(tries)} snapshots of server ${serverId}, one after the other, and forgot each: the image was not done, and Nova did not work on it any more.`,
      { identifiers },
    );
  }
  const left = deadlineSeconds - Math.ceil((now - Date.parse(startedAt)) / 1000);
  if (left <= 0) {
    throw new DeadlineExceeded(
      `Nova was asked for ${String(tries)} snapshots of server ${serverId} and forgot each, and the time for them is over.`,
      { identifiers },
    );
  }
  return { deadlineSeconds: left, tries: tries + 1 };
}

/** Not of its volumes. */
async function ownSnapshots(
  openstack: OpenStack,
  mark: MarkOf,
  signal: AbortSignal,
): Promise<Image[]> {
  const images = await markedImages(openstack, mark, signal);
  return images.filter(({ name }) => name === snapshotName(mark.checkpoint));
}
