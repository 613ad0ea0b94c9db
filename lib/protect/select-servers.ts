import * as z from 'zod';
import { InvalidInput } from '../errors.ts';
import { ImageNotFound } from '../openstack/errors.ts';
import type { OpenStack } from '../openstack/open-stack.ts';
import type { Server, ServerFilter } from '../openstack/server.ts';
import type { ServerProtectable } from '../protectable.ts';
import { NoServerSelected } from './errors.ts';
import { nearNames } from './near-names.ts';
import { PlanName } from './plan-name.ts';
import { spreadOverHosts } from './spread-over-hosts.ts';

const Name = z.string().min(1).max(255);

/** As Nova has them: it separates those of a request by commas. */
const Tag = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[^,/]*$/, 'A tag holds no comma and no slash; give several tags one by one.');

const Choice = z.strictObject({
  /** Ids or names. */
  servers: z.array(Name).min(1).optional(),
  /** Servers that carry all of these tags. */
  tags: z.array(Tag).min(1).optional(),
  all: z.boolean().optional(),
  /** Looks for the servers in every project of the region: for administrators. */
  all_projects: z.boolean().optional(),
  enable_server_snapshot: z.boolean().optional(),
  /** Attached volumes too; and servers that boot from volumes. */
  include_volumes: z.boolean().optional(),
  /** Stop running servers while their snapshots are taken. */
  stop: z.boolean().optional(),
});

const isOneChoice = (request: z.infer<typeof Choice>) =>
  [request.servers, request.tags, request.all].filter(Boolean).length <= 1;
const oneChoice = {
  message:
    'Give one of servers, tags and all, e.g. {"servers": ["web-1"], "enable_server_snapshot": true}.',
};

/** What anybody may ask for who does not name a plan. */
export const UnplannedRequest = Choice.refine(isOneChoice, oneChoice);

/** Input of a backup execution. `{}` means all servers of the project, `{"all_projects": true}` those of all projects. */
export const BackupRequest = Choice.extend({
  /** Whose checkpoints these become: prune and verify can be told to look at a plan's alone. */
  plan: PlanName.optional(),
}).refine(isOneChoice, oneChoice);
export type BackupRequest = z.infer<typeof BackupRequest>;

/** How Nova writes the id of a server. */
const SERVER_ID = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;

interface SelectOptions {
  signal?: AbortSignal | undefined;
  /** Names that no server has become items too, instead of an error: for what only counts the servers. */
  keepUnknownNames?: boolean;
}

/**
 * The chosen servers as protectables, those of one host as far apart as can be. An id that is not there becomes an item all the same:
 * its own backup fails by name (`ServerNotFound`) and the others go on. Throws `NoServerSelected` for names and tags that no server
 * has, which are mistyped more often than gone, and `InvalidInput` for a name of several; a project without servers is no error.
 */
export async function selectServers(
  openstack: OpenStack,
  request: BackupRequest,
  { signal, keepUnknownNames = false }: SelectOptions = {},
): Promise<ServerProtectable[]> {
  const servers: Server[] = [];
  const where = { allProjects: request.all_projects === true };
  const { tags } = request;
  const filter = { ...where, ...(tags === undefined ? {} : { tags }) };
  for await (const server of openstack.servers.list(filter, { signal })) servers.push(server);
  // A mistyped tag must not pass for a good night: nobody would look at the backups again.
  if (tags !== undefined && servers.length === 0) throw noneWith(tags, where);
  const chosen =
    request.servers === undefined
      ? servers
      : namedServers(servers, request.servers, { ...where, keepUnknownNames });
  const imageName = imageNames(openstack, signal);
  const protectables: ServerProtectable[] = [];
  for (const server of spreadOverHosts(chosen))
    protectables.push(await protectableOf(server, imageName));
  return protectables;
}

function noneWith(tags: readonly string[], { allProjects }: ServerFilter): NoServerSelected {
  const named = tags.map((tag) => `"${tag}"`).join(' and ');
  return new NoServerSelected(
    `No server of ${scopeOf(allProjects)} has the ${tags.length === 1 ? 'tag' : 'tags'} ${named}.`,
  );
}

function noneNamed(
  names: readonly string[],
  all: readonly Server[],
  allProjects: boolean | undefined,
): NoServerSelected {
  const near = names.flatMap((name) =>
    nearNames(
      name,
      all.map((server) => server.name),
    ),
  );
  const unseen = all.filter(({ incomplete }) => incomplete).length;
  return new NoServerSelected(
    [
      `No server of ${scopeOf(allProjects)} has the ${names.length === 1 ? 'name' : 'names'} ${names.map((name) => `"${name}"`).join(', ')}; nothing was backed up.`,
      ...(near.length === 0 ? [] : [`Near: ${[...new Set(near)].join(', ')}.`]),
      ...(unseen === 0 ? [] : [`Nova cannot tell the names of ${String(unseen)} servers now.`]),
    ].join(' '),
  );
}

function scopeOf(allProjects: boolean | undefined): string {
  return allProjects === true ? 'any project in this region' : 'this project and region';
}

function namedServers(
  all: readonly Server[],
  wanted: readonly string[],
  { allProjects, keepUnknownNames }: ServerFilter & { keepUnknownNames: boolean },
): (Server | string)[] {
  const chosen = new Map<string, Server | string>();
  const unknown: string[] = [];
  for (const word of wanted) {
    const matches = all.filter((server) => server.id === word);
    if (matches.length === 0) matches.push(...all.filter((server) => server.name === word));
    if (matches.length > 1) {
      throw new InvalidInput(
        `${String(matches.length)} servers are named "${word}" (${matches.map(({ id }) => id).join(', ')}); give the id of the one to back up.`,
      );
    }
    const match = matches[0] ?? word;
    if (typeof match === 'string' && !SERVER_ID.test(match)) unknown.push(match);
    chosen.set(typeof match === 'string' ? match : match.id, match);
  }
  if (unknown.length > 0 && !keepUnknownNames) throw noneNamed(unknown, all, allProjects);
  return [...chosen.values()];
}

/** Names of boot images, each asked for once; null for one that has been deleted. */
function imageNames(openstack: OpenStack, signal?: AbortSignal) {
  const known = new Map<string, string | null>();
  return async (imageId: string): Promise<string | null> => {
    const name = known.get(imageId);
    if (name !== undefined) return name;
    const found = await openstack.images.show(imageId, { signal }).then(
      (image) => image.name,
      (error: unknown) => {
        if (error instanceof ImageNotFound) return null;
        throw error;
      },
    );
    known.set(imageId, found);
    return found;
  };
}

async function protectableOf(
  server: Server | string,
  imageName: (imageId: string) => Promise<string | null>,
): Promise<ServerProtectable> {
  if (typeof server === 'string') {
    return {
      type: 'OS::Nova::Server',
      id: server,
      name: null,
      extra_info: { status: null, availability_zone: null, tags: [], project_id: null },
      children: [],
    };
  }
  return {
    type: 'OS::Nova::Server',
    id: server.id,
    name: server.name,
    extra_info: {
      status: server.status,
      availability_zone: server.availabilityZone,
      tags: [...server.tags],
      project_id: server.projectId,
    },
    children:
      server.imageId === null
        ? []
        : [
            {
              type: 'OS::Glance::Image',
              id: server.imageId,
              name: await imageName(server.imageId),
              extra_info: { server_id: server.id },
              children: [],
            },
          ],
  };
}
