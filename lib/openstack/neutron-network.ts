import { ServerNotFound } from './errors.ts';
import type { Fields } from './fields.ts';
import type { Network, Port, SecurityGroup, Subnet } from './network-shapes.ts';
import type { CallOptions, Networking, Servers } from './open-stack.ts';
import { allPages, nextLink } from './paging.ts';
import type { Service } from './service.ts';

/** As many as fit into a URL with room to spare. */
const ADDRESSES_PER_QUERY = 50;

type Query = readonly (readonly [string, string])[];

/** Networks, security groups and ports of Neutron. */
export class NeutronNetwork implements Networking {
  readonly #neutron: Service;
  readonly #servers: Pick<Servers, 'show'>;

  constructor(neutron: Service, servers: Pick<Servers, 'show'>) {
    this.#neutron = neutron;
    this.#servers = servers;
  }

  async networks(options: CallOptions = {}): Promise<readonly Network[]> {
    return this.#list('networks', [], networkOf, options);
  }

  async subnets(networkId: string, options: CallOptions = {}): Promise<readonly Subnet[]> {
    return this.#list('subnets', [['network_id', networkId]], subnetOf, options);
  }

  async securityGroups(options: CallOptions = {}): Promise<readonly SecurityGroup[]> {
    return this.#list('security_groups', [], securityGroupOf, options);
  }

  async portsOfServer(serverId: string, options: CallOptions = {}): Promise<readonly Port[]> {
    const [ports, macs] = await Promise.all([
      this.#list('ports', [['device_id', serverId]], portOf, options),
      this.#macsInOrder(serverId, options),
    ]);
    const place = ({ macAddress }: Port) => {
      const index = macs.indexOf(macAddress);
      return index === -1 ? macs.length : index;
    };
    return [...ports].sort(
      (one, other) =>
        place(one) - place(other) || (one.createdAt ?? '').localeCompare(other.createdAt ?? ''),
    );
  }

  async portsWithFixedIp(
    { ipAddresses, networkId }: { ipAddresses: readonly string[]; networkId?: string },
    options: CallOptions = {},
  ): Promise<readonly Port[]> {
    const ports: Port[] = [];
    for (let start = 0; start < ipAddresses.length; start += ADDRESSES_PER_QUERY) {
      const addresses = ipAddresses.slice(start, start + ADDRESSES_PER_QUERY);
      const query: [string, string][] = addresses.map((address) => [
        'fixed_ips',
        `ip_address=${address}`,
      ]);
      if (networkId !== undefined) query.push(['network_id', networkId]);
      ports.push(...(await this.#list('ports', query, portOf, options)));
    }
    return ports;
  }

  /** Nova lists a server's addresses by network in the order of its interfaces; Neutron keeps no order. */
  async #macsInOrder(serverId: string, options: CallOptions): Promise<readonly string[]> {
    try {
      const { addresses } = await this.#servers.show(serverId, options);
      return Object.values(addresses)
        .flat()
        .map(({ macAddress }) => macAddress ?? '');
    } catch (error) {
      if (error instanceof ServerNotFound) return [];
      throw error;
    }
  }

  async #list<T extends { readonly id: string }>(
    collection: 'networks' | 'subnets' | 'security_groups' | 'ports',
    query: Query,
    read: (record: Fields) => T,
    { signal }: CallOptions,
  ): Promise<T[]> {
    const items: T[] = [];
    const pages = allPages(async (marker) => {
      const answer = await this.#neutron.call({
        method: 'GET',
        path: `/${collection.replace('_', '-')}`,
        query: marker === undefined ? query : [...query, ['marker', marker]],
        attempt: `list ${collection.replace('_', ' ')}`,
        signal,
      });
      const body = answer.fields();
      return {
        items: body.requiredChildren(collection).map(read),
        next: nextLink(body, `${collection}_links`),
      };
    });
    for await (const item of pages) items.push(item);
    return items;
  }
}

function networkOf(record: Fields): Network {
  return {
    id: record.required('id'),
    name: record.text('name') ?? '',
    status: record.text('status'),
    shared: record.flag('shared') ?? false,
    external: record.flag('router:external') ?? false,
    projectId: record.text('project_id') ?? record.text('tenant_id'),
    subnetIds: record.texts('subnets'),
  };
}

function subnetOf(record: Fields): Subnet {
  return { id: record.required('id'), cidr: record.required('cidr') };
}

function securityGroupOf(record: Fields): SecurityGroup {
  return {
    id: record.required('id'),
    name: record.text('name') ?? '',
    description: record.text('description'),
    projectId: record.text('project_id') ?? record.text('tenant_id'),
  };
}

function portOf(record: Fields): Port {
  return {
    id: record.required('id'),
    name: record.text('name'),
    networkId: record.required('network_id'),
    macAddress: record.text('mac_address') ?? '',
    fixedIps: record.children('fixed_ips').map((ip) => ({
      subnetId: ip.text('subnet_id') ?? '',
      ipAddress: ip.text('ip_address') ?? '',
    })),
    securityGroupIds: record.texts('security_groups'),
    deviceId: record.text('device_id') ?? '',
    deviceOwner: record.text('device_owner') ?? '',
    projectId: record.text('project_id') ?? record.text('tenant_id'),
    status: record.text('status'),
    createdAt: record.time('created_at'),
  };
}
