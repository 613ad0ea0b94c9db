import { ROOT_DISK } from './disks.ts';
import type { UploadPlan } from './upload-plan.ts';

/** Servers in these states write nothing: their disks are of one moment, whenever their snapshots were taken. */
const STILL: Readonly<Record<string, string>> = {
  SHUTOFF: 'stopped',
  SUSPENDED: 'suspended',
  PAUSED: 'paused',
};

/**
 * What is known of the state in which the disks were caught, and no more: Nova does not say whether it froze the file systems of a
 * running guest, and snapshots of several disks of one are not taken at one moment.
 */
export function consistencyOf(
  plans: readonly Pick<UploadPlan, 'source' | 'image' | 'serverStatus'>[],
): string {
  const root = plans.find(({ source }) => source.disk === ROOT_DISK);
  if (root?.image.kind === 'boot-image') return 'boot-image';
  const statuses = new Set(plans.map(({ serverStatus }) => serverStatus));
  const [status] = statuses;
  const still = statuses.size === 1 ? STILL[status ?? ''] : undefined;
  return still ?? (plans.length === 1 ? 'crash-consistent' : 'crash-consistent-per-disk');
}
