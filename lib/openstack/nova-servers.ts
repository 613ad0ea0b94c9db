import { InvalidInput } from '../errors.ts';
import {
  ServerBusy,
  ServerInWrongState,
  ServerNotFound,
  SnapshotRaced,
  UnexpectedAnswer,
} from './errors.ts';
import type { NovaDiscovery } from './locations.ts';
import { since } from './microversion.ts';
import type { CallOptions, Servers } from './open-stack.ts';
import { allPages, nextLink } from './paging.ts';
import { describe, requestIdOf } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { serverRequest } from './server-request.ts';
import { instanceActionOf, serverOf, volumeAttachmentOf } from './server-shape.ts';
import type {
  CreatedServer,
  InstanceAction,
  NewServer,
  Server,
  ServerFilter,
  Snapshot,
  SnapshotRequest,
  VolumeAttachment,
} from './server.ts';
import type { Service, ServiceAnswer } from './service.ts';

/** Servers asked for one by one at the same time. */
const SHOWN_AT_ONCE = 8;
/** Of a server's actions; what is of interest is recent. */
const NEWEST_ACTIONS = 100;

/** Servers of Nova. */
export class NovaServers implements Servers {
  readonly #nova: Service;
  readonly #discovery: NovaDiscovery;

  constructor(nova: Service, discovery: NovaDiscovery) {
    this.#nova = nova;
    this.#discovery = discovery;
  }

  async *list(filter: ServerFilter = {}, options: CallOptions = {}): AsyncGenerator<Server> {
    const { ids, names, tags } = filter;
    const servers = ids === undefined ? this.#all(filter, options) : this.#known(ids, options);
    for await (const server of servers) {
      if (names !== undefined && !names.includes(server.name)) continue;
      if (tags?.every((tag) => server.tags.includes(tag)) === false) continue;
      yield server;
    }
  }

  async show(serverId: string, { signal }: CallOptions = {}): Promise<Server> {
    const answer = await this.#nova.call({
      method: 'GET',
      path: `/servers/${encodeURIComponent(serverId)}`,
      attempt: `show server ${serverId}`,
      refused: (refusal) => serverNotFound(serverId, refusal),
      signal,
    });
    return serverOf(answer.fields().child('server'));
  }

  async createImage(
    serverId: string,
    { name, metadata }: SnapshotRequest,
    options: CallOptions = {},
  ): Promise<Snapshot> {
    const answer = await this.#act(
      serverId,
      'snapshot',
      { createImage: { name, metadata } },
      options,
      (refusal) => raced(serverId, refusal),
    );
    return { imageId: imageIdOf(answer), requestId: requestIdOf(answer.headers) };
  }

  async instanceActions(
    serverId: string,
    { signal }: CallOptions = {},
  ): Promise<readonly InstanceAction[] | undefined> {
    const microversion = (await this.#discovery.microversion(signal)) ?? 1;
    const answer = await this.#nova.call({
      method: 'GET',
      path: `/servers/${encodeURIComponent(serverId)}/os-instance-actions`,
      query: microversion >= since.limitedActions ? [['limit', String(NEWEST_ACTIONS)]] : [],
      attempt: `list the actions of server ${serverId}`,
      accepted: [403, 404],
      signal,
    });
    if (answer.status !== 200) return undefined;
    return answer.fields().requiredChildren('instanceActions').map(instanceActionOf);
  }

  async instanceAction(
    serverId: string,
    requestId: string,
    { signal }: CallOptions = {},
  ): Promise<InstanceAction | undefined> {
    const answer = await this.#nova.call({
      method: 'GET',
      path: `/servers/${encodeURIComponent(serverId)}/os-instance-actions/${encodeURIComponent(requestId)}`,
      attempt: `show action ${requestId} of server ${serverId}`,
      accepted: [403, 404],
      signal,
    });
    if (answer.status !== 200) return undefined;
    return instanceActionOf(answer.fields().child('instanceAction'));
  }

  async volumeAttachments(
    serverId: string,
    { signal }: CallOptions = {},
  ): Promise<readonly VolumeAttachment[]> {
    const answer = await this.#nova.call({
      method: 'GET',
      path: `/servers/${encodeURIComponent(serverId)}/os-volume_attachments`,
      attempt: `list the volumes of server ${serverId}`,
      refused: (refusal) => serverNotFound(serverId, refusal),
      signal,
    });
    return answer.fields().requiredChildren('volumeAttachments').map(volumeAttachmentOf);
  }

  async create(server: NewServer, { signal }: CallOptions = {}): Promise<CreatedServer> {
    const microversion = await this.#discovery.microversion(signal);
    const { body, notApplied } = serverRequest(server, microversion);
    const answer = await this.#nova.call({
      method: 'POST',
      path: '/servers',
      json: body,
      attempt: `create server "${server.name}"`,
      ...(server.userData === undefined ? {} : { secret: server.userData }),
      signal,
    });
    return {
      serverId: answer.fields().child('server').required('id'),
      requestId: requestIdOf(answer.headers),
      notApplied,
    };
  }

  async delete(serverId: string, options: CallOptions = {}): Promise<void> {
    await this.#nova.call({
      method: 'DELETE',
      path: `/servers/${encodeURIComponent(serverId)}`,
      attempt: `delete server ${serverId}`,
      accepted: [404],
      refused: (refusal) => this.#conflict(serverId, refusal, options),
      signal: options.signal,
    });
  }

  async start(serverId: string, options: CallOptions = {}): Promise<void> {
    await this.#act(serverId, 'start', { 'os-start': null }, options);
  }

  async stop(serverId: string, options: CallOptions = {}): Promise<void> {
    await this.#act(serverId, 'stop', { 'os-stop': null }, options);
  }

  async consoleOutput(
    serverId: string,
    options: CallOptions & { lines?: number } = {},
  ): Promise<string> {
    const { lines } = options;
    const answer = await this.#act(
      serverId,
      'show the console of',
      { 'os-getConsoleOutput': lines === undefined ? {} : { length: lines } },
      options,
    );
    return answer.fields().text('output') ?? '';
  }

  async *#all(filter: ServerFilter, { signal }: CallOptions): AsyncGenerator<Server> {
    const query: [string, string][] = [];
    if (filter.allProjects === true) query.push(['all_tenants', '1']);
    if (filter.tags !== undefined && filter.tags.length > 0) {
      await this.#needTags(signal);
      query.push(['tags', filter.tags.join(',')]);
    }
    yield* allPages(async (marker) => {
      const answer = await this.#nova.call({
        method: 'GET',
        path: '/servers/detail',
        query: marker === undefined ? query : [...query, ['marker', marker]],
        attempt: 'list servers',
        signal,
      });
      const body = answer.fields();
      return {
        items: body.requiredChildren('servers').map(serverOf),
        next: nextLink(body, 'servers_links'),
      };
    });
  }

  async *#known(ids: readonly string[], options: CallOptions): AsyncGenerator<Server> {
    for (let start = 0; start < ids.length; start += SHOWN_AT_ONCE) {
      const servers = await Promise.all(
        ids.slice(start, start + SHOWN_AT_ONCE).map((id) => this.#showIfKnown(id, options)),
      );
      yield* servers.filter((server) => server !== undefined);
    }
  }

  async #showIfKnown(serverId: string, options: CallOptions): Promise<Server | undefined> {
    try {
      return await this.show(serverId, options);
    } catch (error) {
      if (error instanceof ServerNotFound) return undefined;
      throw error;
    }
  }

  async #needTags(signal: AbortSignal | undefined): Promise<void> {
    const microversion = (await this.#discovery.microversion(signal)) ?? 1;
    if (microversion >= since.tags) return;
    throw new InvalidInput(
      `Servers cannot be chosen by tags: Nova of this cloud speaks 2.${String(microversion)}, and tags came with 2.${String(since.tags)}. Choose them by name or id.`,
    );
  }

  async #act(
    serverId: string,
    verb: string,
    json: object,
    options: CallOptions,
    refused: (refusal: Refusal) => Error | undefined = () => undefined,
  ): Promise<ServiceAnswer> {
    return this.#nova.call({
      method: 'POST',
      path: `/servers/${encodeURIComponent(serverId)}/action`,
      json,
      attempt: `${verb} server ${serverId}`,
      refused: (refusal) =>
        refused(refusal) ??
        serverNotFound(serverId, refusal) ??
        this.#conflict(serverId, refusal, options),
      signal: options.signal,
    });
  }

  /** 409 means busy or wrong state; what Nova does with the server now, or did according to its words, tells which. */
  async #conflict(
    serverId: string,
    refusal: Refusal,
    options: CallOptions,
  ): Promise<Error | undefined> {
    if (refusal.status !== 409) return undefined;
    const server = await this.#showIfKnown(serverId, options);
    const identifiers = { serverId };
    const task = server?.taskState ?? /task_state (?!None)(\w+)/.exec(refusal.text)?.[1];
    if (task !== undefined || server?.vmState === 'building') {
      return new ServerBusy(
        `${describe(refusal)}. Nova is at work on it${task === undefined ? '' : ` (${task})`}; try again later.`,
        { identifiers },
      );
    }
    const state = server === undefined ? 'gone' : `${server.status}, ${server.vmState ?? '?'}`;
    return new ServerInWrongState(`${describe(refusal)}. The server is ${state}.`, { identifiers });
  }
}

function serverNotFound(serverId: string, refusal: Refusal): ServerNotFound | undefined {
  if (refusal.status !== 404) return undefined;
  return new ServerNotFound(`${describe(refusal)}.`, { identifiers: { serverId } });
}

/** Nova checks that the server is idle, makes the image, and only then claims the server; who loses between gets this 500. */
function raced(serverId: string, refusal: Refusal): SnapshotRaced | undefined {
  if (refusal.status !== 500 || !refusal.text.includes('UnexpectedTaskStateError'))
    return undefined;
  return new SnapshotRaced(
    `${describe(refusal)}. Another task of the server was asked for in the same moment; try again later.`,
    { identifiers: { serverId } },
  );
}

/** From 2.45 in the body, before only in a Location such as http://glance:9292//images/ID. */
function imageIdOf(answer: ServiceAnswer): string {
  const location = answer.headers['location'];
  const id = answer.isEmpty
    ? /\/images\/([^/?#]+)\/?$/.exec(location ?? '')?.[1]
    : answer.fields().text('image_id');
  if (id === undefined || id === null) {
    throw new UnexpectedAnswer('Nova accepted a snapshot and named no image.');
  }
  return id;
}
