import { CheckpointDescription } from './description.ts';
import { ROOT_DISK } from './disks.ts';
import type { DisksOfServer } from './volumes-of-server.ts';

/**
 * Gives each volume the number that it has in the checkpoint before, so that its segments are compared with its own, and new ones
 * numbers that nothing had there.
 */
export function numberedLike(disks: DisksOfServer, parentDescription: unknown): DisksOfServer {
  const parent = CheckpointDescription.safeParse(parentDescription);
  if (!parent.success) return disks;
  const before = new Map(parent.data.disks.map(({ disk, volume }) => [volume?.id, disk]));
  let next = Math.max(ROOT_DISK, ...before.values()) + 1;
  const numbers = new Map<string, number>();
  for (const { id, disk } of disks.volumes.toSorted((one, other) => one.disk - other.disk)) {
    const old = before.get(id);
    // The root disk is the root disk, whatever number its volume had.
    if (disk === ROOT_DISK) numbers.set(id, ROOT_DISK);
    else if (old !== undefined && old !== ROOT_DISK) numbers.set(id, old);
    else numbers.set(id, next++);
  }
  const numberOf = (id: string | null, disk: number) => numbers.get(id ?? '') ?? disk;
  return {
    ...disks,
    disks: disks.disks.map(({ disk, volumeId }) => ({ disk: numberOf(volumeId, disk), volumeId })),
    volumes: disks.volumes.map((volume) => ({ ...volume, disk: numberOf(volume.id, volume.disk) })),
  };
}
