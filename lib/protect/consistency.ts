import type { UploadPlan } from './upload-plan.ts';

/**
 * What is known of the state in which the disk was caught, and no more: Nova does not say whether it froze the file systems of a
 * running guest.
 */
export function consistencyOf(plan: Pick<UploadPlan, 'image' | 'serverStatus'>): string {
  if (plan.image.kind === 'boot-image') return 'boot-image';
  switch (plan.serverStatus) {
    case 'SHUTOFF':
      return 'stopped';
    case 'SUSPENDED':
      return 'suspended';
    case 'PAUSED':
      return 'paused';
    case null:
    default:
      return 'crash-consistent';
  }
}
