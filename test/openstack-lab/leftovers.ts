import { join } from 'node:path';
import { directoryStore } from '../../lib/bank/store/directory.ts';
import type { Lab } from './lab.ts';
import { rest } from './rest.ts';
import type { Snapbank } from './snapbank.ts';

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

/** What a bank in a directory holds of backups that have ended: records that are still OPEN, and uploads that nobody completes. */
export async function leftoversInBank(snapbank: Snapbank): Promise<string[]> {
  const { events } = await snapbank.run(['checkpoints']);
  const open = events.filter(({ type, state }) => type === 'checkpoint' && state === 'OPEN');
  const left = open.map(({ checkpoint }) => `checkpoint ${String(checkpoint)} (OPEN)`);
  const work = directoryStore(join(snapbank.directory, 'bank/work'));
  for await (const { key } of work.listUploads('')) left.push(`upload ${key}`);
  return left;
}
