import type { Lab } from './lab.ts';
import { rest } from './rest.ts';

/**
 * Images, servers, volumes and volume snapshots of the tests' project that mention any of the words (ids of servers, checkpoints and
 * volumes, names of servers) anywhere: in their names, properties or metadata. Others may use the same lab.
 */
export async function leftovers(lab: Lab, words: readonly string[]): Promise<string[]> {
  const { openstack } = lab;
  const found: string[] = [];
  const note = (kind: string, thing: { id: string; name?: string | null }) => {
    const text = JSON.stringify(thing);
    if (words.some((word) => text.includes(word)))
      found.push(`${kind} ${thing.id} (${thing.name})`);
  };
  const { projectId } = await openstack.identity();
  for await (const image of openstack.images.list({ ownerProjectId: projectId })) {
    note('image', image);
  }
  for await (const server of openstack.servers.list()) note('server', server);
  const { volumes } = await rest<{ volumes: { id: string; name: string }[] }>(
    lab,
    'volumev3',
    'GET',
    '/volumes/detail',
  );
  for (const volume of volumes) note('volume', volume);
  const { snapshots } = await rest<{ snapshots: { id: string; name: string }[] }>(
    lab,
    'volumev3',
    'GET',
    '/snapshots/detail',
  );
  for (const snapshot of snapshots) note('volume snapshot', snapshot);
  return found;
}
