import { InvalidInput } from '../../../lib/errors.ts';
import type { DemoCloud } from '../demo-cloud.ts';
import { newUuid } from '../identifiers.ts';
import { gatewayOf } from '../neutron/addresses.ts';
import { newPort } from '../neutron/port-record.ts';
import type { CloudState } from '../state.ts';
import { known, projectOf } from './known.ts';

export function networkControls(
  state: CloudState,
): Pick<DemoCloud, 'addNetwork' | 'addSubnet' | 'addPort' | 'addSecurityGroup'> {
  return {
    addNetwork({ id = newUuid(), name, projectId, shared = false }) {
      const now = state.clock.now();
      const owner = projectOf(state, projectId).id;
      state.networks.set(id, {
        id,
        name,
        projectId: owner,
        shared,
        createdAt: now,
        updatedAt: now,
      });
      return id;
    },
    addSubnet({ id = newUuid(), networkId, name = '', cidr, projectId }) {
      const network = known(state.networks, 'network', networkId);
      if (gatewayOf(cidr) === '') throw new InvalidInput(`${cidr} has no gateway`);
      const owner = projectId ?? network.projectId;
      const createdAt = state.clock.now();
      state.subnets.set(id, { id, name, networkId, projectId: owner, cidr, createdAt });
      return id;
    },
    addPort({ networkId, projectId, name, fixedIp, securityGroupIds }) {
      known(state.networks, 'network', networkId);
      const port = newPort(state, {
        networkId,
        projectId: projectOf(state, projectId).id,
        ...(name === undefined ? {} : { name }),
        ...(fixedIp === undefined ? {} : { fixedIp }),
        ...(securityGroupIds === undefined ? {} : { securityGroups: securityGroupIds }),
      });
      return port.id;
    },
    addSecurityGroup({ id = newUuid(), name, projectId, description = '' }) {
      const owner = projectOf(state, projectId).id;
      const createdAt = state.clock.now();
      state.securityGroups.set(id, { id, name, projectId: owner, description, createdAt });
      return id;
    },
  };
}
