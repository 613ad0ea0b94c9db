import type { ServerIdentity } from '../bank/register/identity.ts';
import type { OpenStack } from '../openstack/open-stack.ts';

/** Who a checkpoint belongs to: the server in its cloud, region and project. The image it booted from is no part of it. */
export async function identityOf(
  openstack: OpenStack,
  serverId: string,
  signal?: AbortSignal,
): Promise<ServerIdentity> {
  const { cloud, region, projectId } = await openstack.identity({ signal });
  return { cloud, region, projectId, serverId };
}
