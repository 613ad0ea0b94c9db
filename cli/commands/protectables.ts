import { selectServers } from '../../lib/protect/select-servers.ts';
import type { ServerProtectable } from '../../lib/protectable.ts';
import type { CommandContext } from '../context.ts';

/**
 * `snapbank protectables`: the servers of the project, or of all projects, and what of them can be backed up. Needs the cloud alone,
 * no bank.
 */
export async function listProtectables(
  { openstack: connect, output, signal }: CommandContext,
  { allProjects = false }: { allProjects?: boolean },
): Promise<void> {
  const openstack = await connect();
  const protectables = await selectServers(openstack, { all_projects: allProjects }, { signal });
  for (const protectable of protectables) output.event({ type: 'protectable', protectable });
  output.event({ type: 'summary', protectables: protectables.length });
  if (protectables.length === 0) {
    output.line(
      `There is no server in ${allProjects ? 'any project of this region' : 'this project and region'}.`,
    );
    return;
  }
  output.table<ServerProtectable>(
    [
      { title: 'SERVER', text: (server) => server.id },
      { title: 'NAME', text: (server) => server.name ?? '', shrinkable: true },
      ...(allProjects
        ? [
            {
              title: 'PROJECT',
              text: (server: ServerProtectable) => server.extra_info.project_id ?? '',
            },
          ]
        : []),
      { title: 'STATUS', text: (server) => server.extra_info.status ?? '' },
      { title: 'BOOT IMAGE', text: bootImage, shrinkable: true },
      { title: 'TAGS', text: (server) => server.extra_info.tags.join(' '), shrinkable: true },
    ],
    protectables,
  );
}

function bootImage({ children: [image], extra_info: { status } }: ServerProtectable): string {
  if (status === 'UNKNOWN') return 'unknown: Nova does not reach the cell of this server';
  if (image === undefined) return 'none: boots from a volume, cannot be backed up';
  return image.name ?? `${image.id} (deleted)`;
}
