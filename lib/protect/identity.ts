import type { ServerIdentity } from '../bank/register/identity.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server } from '../openstack/server.ts';

/**
 * Who a checkpoint belongs to: the server in its cloud, region and project, which with an administrator's credential may be another one
 * than the credential's. The image it booted from is no part of it.
 */
export async function identityOf(
  openstack: OpenStack,
  server: Server,
  signal?: AbortSignal,
): Promise<ServerIdentity> {
  const { cloud, region, projectId } = await openstack.identity({ signal });
  return {
    cloud,
    region,
    // Where Nova leaves it out, the server is of the only project that is seen.
    projectId: server.projectId === '' ? projectId : server.projectId,
    serverId: server.id,
  };
}
