import * as z from 'zod';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Omission } from '../protect/description.ts';
import type { RestorePlan } from './plan.ts';
import { volumesByDisk } from './volumes-by-disk.ts';

/** A restored volume as the server has it. */
export const AttachedVolume = z.strictObject({
  disk: z.int().nonnegative(),
  volumeId: z.string(),
  device: z.string().nullable(),
  /** Null where Nova does not show it. */
  tag: z.string().nullable(),
});
export type AttachedVolume = z.infer<typeof AttachedVolume>;

export async function attachedVolumes(
  openstack: OpenStack,
  plan: RestorePlan,
  serverId: string,
  signal: AbortSignal,
): Promise<AttachedVolume[]> {
  if (plan.volumes.length === 0) return [];
  const ids = await volumesByDisk(openstack, plan, signal);
  const attachments = await openstack.servers.volumeAttachments(serverId, { signal });
  return plan.volumes.map(({ disk }) => {
    const volumeId = ids.get(disk) ?? '';
    const attachment = attachments.find((one) => one.volumeId === volumeId);
    return { disk, volumeId, device: attachment?.device ?? null, tag: attachment?.tag ?? null };
  });
}

/** What Nova did not give the volumes as it was asked for. */
export function deviceChanges(
  { volumes }: RestorePlan,
  attached: readonly AttachedVolume[],
): Omission[] {
  return volumes.flatMap(({ disk, device, tag }) => {
    const found = attached.find((one) => one.disk === disk);
    if (found === undefined) return [];
    const changes: Omission[] = [];
    if (device !== null && found.device !== device) {
      const why = `Nova named it ${found.device ?? 'nothing'}.`;
      changes.push({ what: `device ${device} of disk ${String(disk)}`, why });
    }
    if (tag !== null && found.tag !== tag) {
      const why = 'Nova of this cloud is too old for it.';
      changes.push({ what: `device tag ${tag} of disk ${String(disk)}`, why });
    }
    return changes;
  });
}
