import type { Omission, ServerDescription } from '../protect/description.ts';
import type { Network } from '../openstack/network-shapes.ts';
import type { Flavor, Identity, OpenStack } from '../openstack/open-stack.ts';
import { RestoreNotPossible } from './errors.ts';
import { mapDescription } from './mappings.ts';
import type { RestorePlan } from './plan.ts';
import type { RestoreRequest } from './request.ts';

type ServerPlan = NonNullable<RestorePlan['server']>;

export interface ServerToPlan {
  description: ServerDescription;
  request: RestoreRequest;
  /** Where the server was, as its checkpoint says. */
  origin: { cloud: string; region: string; projectId: string };
  guestSizeBytes: number;
  minDiskGiB: number;
}

const GIB = 1024 ** 3;

/**
 * What the server will be, in the cloud as it is now. What has no replacement (flavor, network) ends the plan with one
 * `RestoreNotPossible` that lists all of it; what can be done without is listed as not restored.
 */
export async function planServer(
  openstack: OpenStack,
  given: ServerToPlan,
  signal?: AbortSignal,
): Promise<{ server: ServerPlan; notRestored: Omission[] }> {
  const { request } = given;
  const description = mapDescription(given.description, request.map ?? {});
  const target = { ...given, description };
  const [identity, flavors, networks, groups, keyPair] = await Promise.all([
    openstack.identity({ signal }),
    openstack.flavors.list({ signal }),
    openstack.network.networks({ signal }),
    openstack.network.securityGroups({ signal }),
    description.keyName === null
      ? undefined
      : openstack.keypairs.show(description.keyName, { signal }),
  ]);
  const missing: string[] = [];
  const notRestored: Omission[] = [];
  const flavor = chooseFlavor(target, flavors, missing);
  const interfaces = await chooseNetworks(
    openstack,
    target,
    { networks, projectId: identity.projectId },
    { missing, notRestored },
    signal,
  );
  if (flavor === undefined || missing.length > 0) {
    throw new RestoreNotPossible(
      `Server ${description.name} (${description.id}) cannot be restored here: ${missing.join('; ')}.`,
      { identifiers: { serverId: description.id } },
    );
  }
  // Administrators are shown the groups of every project; Nova looks for names in the server's own.
  const own = groups.filter(({ projectId }) => [null, identity.projectId].includes(projectId));
  const groupNames = new Set(own.map(({ name }) => name));
  for (const name of description.securityGroups.filter((name) => !groupNames.has(name))) {
    notRestored.push({
      what: `security group ${name}`,
      why: 'The project has none of this name. Another one is named by --map security-group:OLD=NEW.',
    });
  }
  if (description.keyName !== null && keyPair === undefined) {
    notRestored.push({
      what: `key pair ${description.keyName}`,
      why: 'Key pairs belong to users, and this one has none of this name. Another one is named by --map key-pair:OLD=NEW.',
    });
  }
  const sameRegion = isSameRegion(identity, target.origin);
  if (!sameRegion && description.availabilityZone !== null) {
    notRestored.push({
      what: `availability zone ${description.availabilityZone}`,
      why: 'The server comes from another cloud or region.',
    });
  }
  if (sameRegion && target.origin.projectId !== identity.projectId) {
    notRestored.push({
      what: `project ${target.origin.projectId}`,
      why: `A server belongs to the project of the credential that makes it: ${identity.projectName} (${identity.projectId}).`,
    });
  }
  const server: ServerPlan = {
    name: request.name ?? description.name,
    flavorId: flavor.id,
    flavorName: flavor.name,
    networks: interfaces,
    securityGroups: description.securityGroups.filter((name) => groupNames.has(name)),
    keyName: keyPair === undefined ? null : description.keyName,
    availabilityZone: sameRegion ? description.availabilityZone : null,
    configDrive: description.configDrive,
    userData: description.userData !== null,
  };
  return {
    server,
    notRestored: [...notRestored, ...description.notCovered, ...description.notCaptured],
  };
}

function isSameRegion(identity: Identity, origin: { cloud: string; region: string }): boolean {
  return identity.cloud === origin.cloud && identity.region === origin.region;
}

function chooseFlavor(
  { description, request, guestSizeBytes, minDiskGiB }: ServerToPlan,
  flavors: readonly Flavor[],
  missing: string[],
): Flavor | undefined {
  const flavor =
    request.flavor === undefined
      ? (flavors.find(({ id }) => id === description.flavor.id) ??
        flavors.find(({ name }) => name === description.flavor.name))
      : (flavors.find(({ id }) => id === request.flavor) ??
        flavors.find(({ name }) => name === request.flavor));
  if (flavor === undefined) {
    missing.push(
      request.flavor === undefined
        ? `${originalFlavor(description)} (choose one with --flavor, or --map flavor:OLD=NEW)`
        : `there is no flavor ${request.flavor}`,
    );
    return undefined;
  }
  const neededGiB = Math.max(minDiskGiB, Math.ceil(guestSizeBytes / GIB));
  // A flavor whose disk is 0 takes the size of the image.
  if (flavor.diskGiB !== 0 && flavor.diskGiB < neededGiB) {
    missing.push(
      `its disk needs ${String(neededGiB)} GiB and flavor ${flavor.name} has ${String(flavor.diskGiB)} (choose one with --flavor)`,
    );
  }
  return flavor;
}

function originalFlavor({ flavor: { id, name } }: ServerDescription): string {
  const flavor = name ?? id;
  return flavor === null
    ? 'its checkpoint does not say what flavor it had'
    : `its flavor ${flavor} does not exist`;
}

async function chooseNetworks(
  openstack: OpenStack,
  { description, request }: ServerToPlan,
  { networks, projectId }: { networks: readonly Network[]; projectId: string },
  found: { missing: string[]; notRestored: Omission[] },
  signal?: AbortSignal,
): Promise<ServerPlan['networks']> {
  if (request.networks !== undefined) {
    return request.networks.flatMap((wanted) => {
      const network =
        networks.find(({ id }) => id === wanted) ?? networks.find(({ name }) => name === wanted);
      if (network !== undefined) return [interfaceOn(network, null)];
      found.missing.push(`there is no network ${wanted}`);
      return [];
    });
  }
  const interfaces: ServerPlan['networks'] = [];
  for (const port of description.ports) {
    const network =
      networks.find(({ id }) => id === port.networkId) ??
      networks.find(({ name }) => name === port.networkId);
    if (network === undefined) {
      found.missing.push(
        `its network ${port.networkName ?? port.networkId} does not exist (choose others with --network, or --map network:OLD=NEW)`,
      );
      continue;
    }
    const address = port.fixedIps[0]?.ipAddress;
    const obstacle =
      address === undefined
        ? undefined
        : await obstacleTo(openstack, { network, ipAddress: address, projectId }, signal);
    if (obstacle !== undefined) {
      found.notRestored.push({ what: `fixed IP ${address} on ${network.name}`, why: obstacle });
    }
    for (const { ipAddress } of port.fixedIps.slice(1)) {
      found.notRestored.push({
        what: `fixed IP ${ipAddress} on ${network.name}`,
        why: 'Nova gives a new interface one address.',
      });
    }
    interfaces.push(interfaceOn(network, obstacle === undefined ? (address ?? null) : null));
  }
  return interfaces;
}

function interfaceOn(network: Network, fixedIp: string | null): ServerPlan['networks'][number] {
  return { networkId: network.id, networkName: network.name, fixedIp };
}

/** Why the server cannot have its address again; undefined when it can. */
async function obstacleTo(
  openstack: OpenStack,
  wish: { network: Network; ipAddress: string; projectId: string },
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { network, ipAddress, projectId } = wish;
  // Neutron's policy create_port:fixed_ips:ip_address; Nova shows its refusal only as a server in ERROR.
  if (network.projectId !== null && network.projectId !== projectId) {
    return 'Only the project that owns the network may choose an address on it; the server gets another one.';
  }
  const query = { ipAddresses: [ipAddress], networkId: network.id };
  const holders = await openstack.network.portsWithFixedIp(query, { signal });
  return holders.length === 0 ? undefined : 'It is taken; the server gets another address.';
}
