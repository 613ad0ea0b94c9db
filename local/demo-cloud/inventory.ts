import type { Inventory, InventoryItem } from './demo-cloud.ts';
import type { CloudState } from './state.ts';

interface Named {
  id: string;
  name: string | null;
  projectId: string;
  status?: string;
}

export function inventoryOf(state: CloudState): Inventory {
  return {
    servers: items(state.servers.values()),
    images: items(state.images.values()),
    volumes: items(state.volumes.values()),
    volumeSnapshots: items(state.volumeSnapshots.values()),
    networks: items(state.networks.values()),
    subnets: items(state.subnets.values()),
    ports: items(state.ports.values()),
    securityGroups: items(state.securityGroups.values()),
    keypairs: items(
      state.keypairs.map(({ name, userId }) => ({ id: `${userId}/${name}`, name, projectId: '' })),
    ),
    flavors: items([...state.flavors.values()].map((flavor) => ({ ...flavor, projectId: '' }))),
  };
}

const items = (records: Iterable<Named>): InventoryItem[] =>
  [...records].map(({ id, name, projectId, status = '' }) => ({
    id,
    name: name ?? '',
    status,
    projectId,
  }));
