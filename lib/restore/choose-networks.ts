import { BlockList, isIPv6 } from 'node:net';
import type { Network } from '../openstack/network-shapes.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Omission, ServerDescription } from '../protect/description.ts';
import { mappedTo } from './mappings.ts';
import { mapping, type Need, nearest } from './needs.ts';
import type { Original } from './original.ts';
import type { RestorePlan } from './plan.ts';
import type { RestoreRequest } from './request.ts';

type Interface = NonNullable<RestorePlan['server']>['networks'][number];

interface NetworksToChoose {
  description: ServerDescription;
  request: Pick<RestoreRequest, 'networks' | 'map'>;
  networks: readonly Network[];
  projectId: string;
  original: Original | null;
}

/** The networks that are asked for, or else those of the original with its addresses; adds to `found` what is not here or is taken. */
export async function chooseNetworks(
  openstack: OpenStack,
  { description, request, networks, projectId, original }: NetworksToChoose,
  found: { needs: Need[]; notRestored: Omission[] },
  signal?: AbortSignal,
): Promise<Interface[]> {
  const need = (wanted: string, from: string, give: string) => {
    const same = networks.filter(({ name }) => name === wanted);
    found.needs.push({
      kind: 'network',
      from,
      why:
        same.length > 1
          ? `${String(same.length)} networks are called ${wanted}`
          : `there is no ${wanted}`,
      give,
      without: null,
      ...(same.length > 1 ? nearest(null, same) : nearest(wanted, networks)),
    });
  };
  if (request.networks !== undefined) {
    return request.networks.flatMap((wanted) => {
      const network = networkCalled(wanted, networks);
      if (network !== undefined) return [interfaceOn(network, null)];
      need(wanted, wanted, '--network ?');
      return [];
    });
  }
  const interfaces: Interface[] = [];
  for (const { networkId, networkName, fixedIps } of description.ports) {
    const to = mappedTo(request.map, 'network', networkId, networkName);
    const network = networkCalled(to ?? networkId, networks);
    if (network === undefined) {
      const from = networkName ?? networkId;
      need(to ?? from, from, mapping('network', networkName, networkId));
      continue;
    }
    const address = fixedIps[0]?.ipAddress;
    const obstacle =
      address === undefined
        ? undefined
        : await obstacleTo(openstack, { network, ipAddress: address, projectId, original }, signal);
    if (obstacle !== undefined) {
      found.notRestored.push({ what: `fixed IP ${address} on ${network.name}`, why: obstacle });
    }
    for (const { ipAddress } of fixedIps.slice(1)) {
      found.notRestored.push({
        what: `fixed IP ${ipAddress} on ${network.name}`,
        why: 'Nova gives a new interface one address.',
      });
    }
    interfaces.push(interfaceOn(network, obstacle === undefined ? (address ?? null) : null));
  }
  return interfaces;
}

/** By its id, or by a name that no other one has. */
function networkCalled(word: string, networks: readonly Network[]): Network | undefined {
  const byId = networks.find(({ id }) => id === word);
  const byName = networks.filter(({ name }) => name === word);
  return byId ?? (byName.length === 1 ? byName[0] : undefined);
}

function interfaceOn(network: Network, fixedIp: string | null): Interface {
  return { networkId: network.id, networkName: network.name, fixedIp };
}

function holds(cidr: string, ipAddress: string): boolean {
  const [start = '', prefix] = cidr.split('/');
  const family = isIPv6(start) ? 'ipv6' : 'ipv4';
  if (isIPv6(ipAddress) !== isIPv6(start)) return false;
  const range = new BlockList();
  range.addSubnet(start, Number(prefix), family);
  return range.check(ipAddress, family);
}

/** Why the server cannot have its address again; undefined when it can. */
async function obstacleTo(
  openstack: OpenStack,
  wish: { network: Network; ipAddress: string; projectId: string; original: Original | null },
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { network, ipAddress, projectId, original } = wish;
  // Neutron's policy create_port:fixed_ips:ip_address; Nova shows its refusal only as a server in ERROR.
  if (network.projectId !== null && network.projectId !== projectId) {
    return 'Only the project that owns the network may choose an address on it; the server gets another one.';
  }
  const subnets = await openstack.network.subnets(network.id, { signal });
  const allShown = subnets.length >= network.subnetIds.length;
  if (allShown && !subnets.some(({ cidr }) => holds(cidr, ipAddress))) {
    const ranges = subnets.map(({ cidr }) => cidr).join(', ');
    return `The network has ${ranges === '' ? 'no addresses' : `addresses of ${ranges}`}; the server gets another one.`;
  }
  const query = { ipAddresses: [ipAddress], networkId: network.id };
  const holders = await openstack.network.portsWithFixedIp(query, { signal });
  if (holders.length === 0) return undefined;
  if (original === null || !holders.some(({ deviceId }) => deviceId === original.id)) {
    return 'It is taken; the server gets another address.';
  }
  return original.deleting
    ? 'The original server is being deleted and still has it; restore when it is gone, or the server gets another address.'
    : 'The original server is still there and has it; the server gets another address.';
}
