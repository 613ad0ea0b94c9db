import type { Image } from '../openstack/image.ts';
import type { InstanceAction } from '../openstack/server.ts';

/** What Nova makes of a server only when it does nothing else with it. */
const SNAPSHOT_ACTIONS = new Set(['createImage', 'createBackup']);
/** By which clocks of Nova and Glance may differ; the times of actions are whole seconds too. */
const CLOCK_DIFFERENCE_MILLISECONDS = 10_000;

/**
 * Whether Nova began another snapshot of the server after the one that this image is for. It makes one at a time: so it is done with
 * this one, whatever the server is busy with now.
 *
 * `actions`: of the server, the newest first. Which of them is the image's is known by its request alone. Where that is not known,
 * because the answer of createImage was lost, the first since the image was made may be; with a second one it is over in any case.
 */
export function isSuperseded(
  requestId: string | null,
  image: Image,
  actions: readonly InstanceAction[],
): boolean {
  const snapshots = actions.filter(({ action }) => SNAPSHOT_ACTIONS.has(action));
  const own = snapshots.findIndex((action) => action.requestId === requestId);
  if (own !== -1) return own > 0;
  const made = Date.parse(image.createdAt ?? '') - CLOCK_DIFFERENCE_MILLISECONDS;
  return snapshots.filter(({ startedAt }) => Date.parse(startedAt ?? '') >= made).length > 1;
}
