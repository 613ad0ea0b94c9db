import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server } from '../openstack/server.ts';
import type { Services } from '../services.ts';
import { HostBusy } from './errors.ts';

/** From createImage until the image is uploaded, waiting in the host's own queue included. */
const SNAPSHOT_TASK = /^image_/;
/** Nova shows a snapshot that was asked for within this time. */
const LOOK_MILLISECONDS = 500;
const MAX_WAIT_MILLISECONDS = 30_000;

/**
 * Throws `HostBusy` when as many other servers of the host as may are being snapshotted. A compute host makes some snapshots at once
 * and lets others wait (nova.conf: max_concurrent_snapshots, 5), which would count as their time. Servers that are backed up together
 * begin together: so each looks after a random wait. Two that look in the same moment may still both pass; then Nova lets one wait.
 *
 * Nova shows hosts only by a hash for each project, so servers of other projects are not seen.
 */
export async function refuseBusyHost(
  { clock, settings }: Pick<Services, 'clock' | 'settings'>,
  openstack: OpenStack,
  server: Server,
  signal: AbortSignal,
): Promise<void> {
  const { serversAtOnce, snapshotsPerHost } = settings;
  // So few that they cannot be too many for one host.
  if (serversAtOnce <= snapshotsPerHost || server.hostId === '') return;
  const longest = Math.min(MAX_WAIT_MILLISECONDS, serversAtOnce * LOOK_MILLISECONDS);
  await clock.sleep(Math.random() * longest, signal);
  const others = await snapshotsBeside(openstack, server, signal);
  if (others < snapshotsPerHost) return;
  throw new HostBusy(
    `The compute host of server ${server.id} is making ${String(others)} snapshots; at most ${String(snapshotsPerHost)} are asked of one at once.`,
    { identifiers: { serverId: server.id, hostId: server.hostId } },
  );
}

async function snapshotsBeside(
  openstack: OpenStack,
  server: Server,
  signal: AbortSignal,
): Promise<number> {
  const { projectId } = await openstack.identity({ signal });
  const filter = { allProjects: server.projectId !== projectId };
  let count = 0;
  for await (const other of openstack.servers.list(filter, { signal })) {
    const beside = other.hostId === server.hostId && other.id !== server.id;
    if (beside && SNAPSHOT_TASK.test(other.taskState ?? '')) count += 1;
  }
  return count;
}
