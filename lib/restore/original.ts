import * as z from 'zod';
import { Forbidden, ServerNotFound } from '../openstack/errors.ts';
import type { OpenStack } from '../openstack/open-stack.ts';

/** The server that was backed up, where it still exists: what is restored is a second one beside it. */
export const Original = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** Nova's word. */
  status: z.string(),
  /** It goes, and its addresses with it, when Nova has done so. */
  deleting: z.boolean(),
});
export type Original = z.infer<typeof Original>;

/** In the cloud and region that the checkpoint is of. Null when it is gone, or not shown to this user. */
export async function findOriginal(
  openstack: OpenStack,
  serverId: string,
  signal?: AbortSignal,
): Promise<Original | null> {
  try {
    const { id, name, status, taskState } = await openstack.servers.show(serverId, { signal });
    const deleting =
      taskState === 'deleting' ||
      taskState === 'soft-deleting' ||
      ['DELETED', 'SOFT_DELETED'].includes(status);
    return { id, name, status, deleting };
  } catch (error) {
    if (error instanceof ServerNotFound || error instanceof Forbidden) return null;
    throw error;
  }
}
