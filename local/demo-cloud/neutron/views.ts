import { createHash } from 'node:crypto';

import { seconds } from '../identifiers.ts';
import type { CloudState, Network, Port, SecurityGroup, Subnet } from '../state.ts';
import { gatewayOf, poolOf } from './addresses.ts';

export const networkView = (state: CloudState, network: Network) => ({
  id: network.id,
  name: network.name,
  tenant_id: network.projectId,
  admin_state_up: true,
  mtu: 1500,
  status: 'ACTIVE',
  subnets: [...state.subnets.values()]
    .filter(({ networkId }) => networkId === network.id)
    .map(({ id }) => id),
  shared: network.shared,
  availability_zone_hints: [],
  availability_zones: [],
  ipv4_address_scope: null,
  ipv6_address_scope: null,
  'router:external': false,
  description: '',
  port_security_enabled: true,
  tags: [],
  created_at: seconds(network.createdAt),
  updated_at: seconds(network.updatedAt),
  revision_number: 2,
  project_id: network.projectId,
});

export const subnetView = (subnet: Subnet) => ({
  id: subnet.id,
  name: subnet.name,
  tenant_id: subnet.projectId,
  network_id: subnet.networkId,
  ip_version: 4,
  subnetpool_id: null,
  enable_dhcp: true,
  ipv6_ra_mode: null,
  ipv6_address_mode: null,
  gateway_ip: gatewayOf(subnet.cidr),
  cidr: subnet.cidr,
  allocation_pools: [poolOf(subnet.cidr)],
  host_routes: [],
  dns_nameservers: [],
  description: '',
  service_types: [],
  tags: [],
  created_at: seconds(subnet.createdAt),
  updated_at: seconds(subnet.createdAt),
  revision_number: 0,
  project_id: subnet.projectId,
});

export const portView = (port: Port) => ({
  id: port.id,
  name: port.name,
  network_id: port.networkId,
  tenant_id: port.projectId,
  mac_address: port.macAddress,
  admin_state_up: true,
  status: port.status,
  device_id: port.deviceId,
  device_owner: port.deviceOwner,
  fixed_ips: port.fixedIps.map(({ subnetId, ipAddress }) => ({
    subnet_id: subnetId,
    ip_address: ipAddress,
  })),
  allowed_address_pairs: [],
  extra_dhcp_opts: [],
  security_groups: port.securityGroupIds,
  description: '',
  'binding:vnic_type': 'normal',
  port_security_enabled: true,
  tags: [],
  created_at: seconds(port.createdAt),
  updated_at: seconds(port.updatedAt),
  revision_number: 5,
  project_id: port.projectId,
});

export const securityGroupView = (group: SecurityGroup) => ({
  id: group.id,
  name: group.name,
  stateful: true,
  tenant_id: group.projectId,
  description: group.description,
  shared: false,
  security_group_rules: rulesOf(group),
  tags: [],
  created_at: seconds(group.createdAt),
  updated_at: seconds(group.createdAt),
  revision_number: 1,
  project_id: group.projectId,
});

/** The rules that every group begins with; the default one also lets its own members in. */
function rulesOf(group: SecurityGroup) {
  const directions = group.name === 'default' ? ['egress', 'ingress'] : ['egress'];
  return ['IPv4', 'IPv6'].flatMap((ethertype) =>
    directions.map((direction) => ({
      id: idOf(`${group.id}${ethertype}${direction}`),
      tenant_id: group.projectId,
      security_group_id: group.id,
      ethertype,
      direction,
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_address_group_id: null,
      normalized_cidr: null,
      remote_group_id: direction === 'ingress' ? group.id : null,
      standard_attr_id: 10,
      description: null,
      tags: [],
      created_at: seconds(group.createdAt),
      updated_at: seconds(group.createdAt),
      revision_number: 0,
      project_id: group.projectId,
    })),
  );
}

const idOf = (what: string): string =>
  createHash('md5')
    .update(what)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
