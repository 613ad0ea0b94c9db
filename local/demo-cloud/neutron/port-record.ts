import { InvalidInput } from '../../../lib/errors.ts';
import { newMacAddress, newUuid } from '../identifiers.ts';
import type { CloudState, Port, SecurityGroup } from '../state.ts';
import { freeAddress, holds } from './addresses.ts';

/** A port with an address in the network's first subnet, or with the fixed one. */
export function newPort(
  state: CloudState,
  fields: {
    networkId: string;
    projectId: string;
    name?: string;
    fixedIp?: string;
    /** Names or ids. */
    securityGroups?: readonly string[];
  },
): Port {
  const { networkId, projectId, fixedIp } = fields;
  const subnets = [...state.subnets.values()].filter((subnet) => subnet.networkId === networkId);
  const subnet =
    fixedIp === undefined ? subnets[0] : subnets.find(({ cidr }) => holds(cidr, fixedIp));
  if (fixedIp !== undefined && subnet === undefined) {
    throw new InvalidInput(`no subnet of network ${networkId} holds the address ${fixedIp}`);
  }
  const taken = new Set(
    [...state.ports.values()]
      .filter((port) => port.networkId === networkId)
      .flatMap(({ fixedIps }) => fixedIps.map(({ ipAddress }) => ipAddress)),
  );
  const now = state.clock.now();
  const groups = fields.securityGroups ?? ['default'];
  const port: Port = {
    id: newUuid(),
    name: fields.name ?? '',
    networkId,
    projectId,
    macAddress: newMacAddress(),
    status: 'DOWN',
    deviceId: '',
    deviceOwner: '',
    fixedIps:
      subnet === undefined
        ? []
        : [{ subnetId: subnet.id, ipAddress: fixedIp ?? freeAddress(subnet.cidr, taken) }],
    securityGroupIds: groups.map((group) => securityGroup(state, projectId, group).id),
    ownedByServer: false,
    createdAt: now,
    updatedAt: now,
  };
  state.ports.set(port.id, port);
  return port;
}

/** By name or id. The project's `default` group is made when it is first looked at. */
export function securityGroup(state: CloudState, projectId: string, wanted: string): SecurityGroup {
  const found = [...state.securityGroups.values()].find(
    (group) => group.projectId === projectId && (group.name === wanted || group.id === wanted),
  );
  if (found !== undefined) return found;
  if (wanted !== 'default') throw new InvalidInput(`project ${projectId} has no group ${wanted}`);
  const group: SecurityGroup = {
    id: newUuid(),
    name: 'default',
    projectId,
    description: 'Default security group',
    createdAt: state.clock.now(),
  };
  state.securityGroups.set(group.id, group);
  return group;
}
