import { hostIdOf, microseconds, seconds } from '../identifiers.ts';
import type { CloudState, Flavor, Server } from '../state.ts';

interface Shape {
  microversion: number;
  detail: 'show' | 'list';
}

/** A server as its project sees it, in the shape of the microversion. */
export function serverView(state: CloudState, server: Server, shape: Shape): object {
  const whole =
    server.cellDown && shape.microversion >= 69
      ? viewFromDownCell(state, server, shape)
      : wholeView(state, server, shape);
  const { serversWithout } = state.settings;
  if (serversWithout.length === 0) return whole;
  return Object.fromEntries(Object.entries(whole).filter(([key]) => !serversWithout.includes(key)));
}

/** What the API's own database knows. */
function viewFromDownCell(state: CloudState, server: Server, { detail }: Shape) {
  const known = {
    id: server.id,
    status: 'UNKNOWN',
    tenant_id: server.projectId,
    created: seconds(server.createdAt),
    links: linksOf(state, server.id),
  };
  if (detail === 'list') return known;
  return {
    ...known,
    image: server.imageId === '' ? '' : bookmarked(state, 'images', server.imageId),
    flavor: flavorInServer(server.flavor),
    'OS-EXT-AZ:availability_zone': server.availabilityZone,
    'OS-EXT-STS:power_state': 0,
    user_id: server.userId,
    server_groups: [],
  };
}

function wholeView(state: CloudState, server: Server, { microversion, detail }: Shape) {
  const since = <T extends object>(minor: number, fields: T): T | object =>
    microversion >= minor ? fields : {};
  const progressing = ['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING'];
  const addresses = addressesOf(state, server);
  const isPlaced = server.launchedAt !== null;
  return {
    id: server.id,
    name: server.name,
    status: server.status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId: isPlaced ? hostIdOf(server.projectId, server.host) : '',
    image: server.imageId === '' ? '' : bookmarked(state, 'images', server.imageId),
    flavor:
      microversion >= 47
        ? flavorInServer(server.flavor)
        : bookmarked(state, 'flavors', server.flavor.id),
    created: seconds(server.createdAt),
    updated: seconds(server.updatedAt),
    addresses,
    accessIPv4: '',
    accessIPv6: '',
    links: linksOf(state, server.id),
    'OS-DCF:diskConfig': 'MANUAL',
    ...(progressing.includes(server.status) ? { progress: 0 } : {}),
    ...(server.fault === undefined ? {} : { fault: faultView(server.fault) }),
    'OS-EXT-AZ:availability_zone': isPlaced ? server.availabilityZone : '',
    config_drive: server.configDrive ? 'True' : '',
    key_name: server.keyName,
    'OS-SRV-USG:launched_at': server.launchedAt === null ? null : microseconds(server.launchedAt),
    'OS-SRV-USG:terminated_at': null,
    ...(Object.keys(addresses).length === 0
      ? {}
      : { security_groups: server.securityGroups.map((name) => ({ name })) }),
    'OS-EXT-STS:task_state': server.taskState,
    'OS-EXT-STS:vm_state': server.vmState,
    'OS-EXT-STS:power_state': server.powerState,
    'os-extended-volumes:volumes_attached': server.attachments.map((attachment) => ({
      id: attachment.volumeId,
      ...since(3, { delete_on_termination: attachment.deleteOnTermination }),
    })),
    ...since(9, { locked: server.locked }),
    ...since(73, { locked_reason: server.lockedReason }),
    ...since(19, { description: server.description }),
    ...since(26, { tags: server.tags }),
    ...since(63, { trusted_image_certificates: null }),
    ...since(90, { 'OS-EXT-SRV-ATTR:hostname': server.hostname }),
    ...(detail === 'show' ? since(71, { server_groups: [] }) : {}),
  };
}

export function linksOf(state: CloudState, serverId: string) {
  const base = state.endpoints.compute;
  return [
    { rel: 'self', href: `${base}/v2.1/servers/${serverId}` },
    { rel: 'bookmark', href: `${base}/servers/${serverId}` },
  ];
}

const bookmarked = (state: CloudState, kind: 'images' | 'flavors', id: string) => ({
  id,
  links: [{ rel: 'bookmark', href: `${state.endpoints.compute}/${kind}/${id}` }],
});

const flavorInServer = (flavor: Flavor) => ({
  vcpus: flavor.vcpus,
  ram: flavor.ramMib,
  disk: flavor.diskGib,
  ephemeral: 0,
  swap: 0,
  original_name: flavor.name,
  extra_specs: flavor.extraSpecs,
});

const faultView = ({ message, code, createdAt }: NonNullable<Server['fault']>) => ({
  code,
  created: seconds(createdAt),
  message,
});

function addressesOf(state: CloudState, server: Server) {
  const addresses: Record<string, object[]> = {};
  for (const port of state.ports.values()) {
    if (port.deviceId !== server.id) continue;
    const name = state.networks.get(port.networkId)?.name ?? port.networkId;
    const entries = (addresses[name] ??= []);
    for (const { ipAddress } of port.fixedIps) {
      entries.push({
        version: 4,
        addr: ipAddress,
        'OS-EXT-IPS:type': 'fixed',
        'OS-EXT-IPS-MAC:mac_addr': port.macAddress,
      });
    }
  }
  return addresses;
}
