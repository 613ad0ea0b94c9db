import type { Omission, ServerDescription } from '../protect/description.ts';
import type { Flavor, Identity, OpenStack } from '../openstack/open-stack.ts';
import { chooseFlavor } from './choose-flavor.ts';
import { chooseNetworks } from './choose-networks.ts';
import { mappedTo } from './mappings.ts';
import { distinct, mapping, type Need, nearest } from './needs.ts';
import { findOriginal, type Original } from './original.ts';
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

export interface PlannedServer {
  /** Null where something is needed that it cannot be without. */
  server: ServerPlan | null;
  original: Original | null;
  needs: Need[];
  notRestored: Omission[];
}

/** What the server will be, in the cloud as it is now, and all that it needs and is not here. */
export async function planServer(
  openstack: OpenStack,
  target: ServerToPlan,
  signal?: AbortSignal,
): Promise<PlannedServer> {
  const { request, description } = target;
  const keyName =
    description.keyName === null
      ? null
      : (mappedTo(request.map, 'key-pair', description.keyName) ?? description.keyName);
  const [identity, flavors, networks, groups, keyPair] = await Promise.all([
    openstack.identity({ signal }),
    openstack.flavors.list({ signal }),
    openstack.network.networks({ signal }),
    openstack.network.securityGroups({ signal }),
    keyName === null ? undefined : openstack.keypairs.show(keyName, { signal }),
  ]);
  const sameRegion = isSameRegion(identity, target.origin);
  const original = sameRegion ? await findOriginal(openstack, description.id, signal) : null;
  const needs: Need[] = [];
  const notRestored: Omission[] = [];
  const flavor = chooseFlavor(target, flavors, needs);
  const interfaces = await chooseNetworks(
    openstack,
    { description, request, networks, projectId: identity.projectId, original },
    { needs, notRestored },
    signal,
  );
  // Administrators are shown the groups of every project; Nova looks for names in the server's own.
  const own = groups.filter(({ projectId }) => [null, identity.projectId].includes(projectId));
  const securityGroups = new Set<string>();
  for (const from of description.securityGroups) {
    const name = mappedTo(request.map, 'security-group', from) ?? from;
    const found = own.find((group) => group.id === name || group.name === name);
    if (found === undefined) {
      needs.push({
        kind: 'security-group',
        from,
        why: `the project has no ${name}`,
        give: mapping('security-group', from),
        without: 'The server is not in it; one that is in none gets the group default.',
        ...nearest(name, own),
      });
    } else securityGroups.add(found.name);
  }
  if (keyName !== null && keyPair === undefined) {
    const names = await openstack.keypairs.names({ signal });
    needs.push({
      kind: 'key-pair',
      from: description.keyName,
      why: `key pairs belong to users, and this one has no ${keyName}`,
      give: mapping('key-pair', description.keyName),
      without: 'The server has none.',
      ...nearest(
        keyName,
        names.map((name) => ({ id: null, name })),
      ),
    });
  }
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
  const possible = flavor !== undefined && needs.every(({ without }) => without !== null);
  const server = (on: Flavor): ServerPlan => ({
    name: request.name ?? description.name,
    flavorId: on.id,
    flavorName: on.name,
    networks: interfaces,
    securityGroups: [...securityGroups],
    keyName: keyPair === undefined ? null : keyName,
    availabilityZone: sameRegion ? description.availabilityZone : null,
    configDrive: description.configDrive,
    userData: description.userData !== null,
  });
  return {
    server: possible ? server(flavor) : null,
    original,
    needs: distinct(needs),
    notRestored: [...notRestored, ...description.notCovered, ...description.notCaptured],
  };
}

function isSameRegion(identity: Identity, origin: { cloud: string; region: string }): boolean {
  return identity.cloud === origin.cloud && identity.region === origin.region;
}
