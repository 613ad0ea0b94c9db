import type { Answer, Call } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { CloudState, Server } from '../state.ts';
import { linksOf, serverView } from './server-view.ts';

/** `GET /servers` and `/servers/detail`: newest first, a page at a time. */
export function listServers(state: CloudState, call: Call, detail: boolean): Answer {
  const everywhere = ['1', 'True'].includes(call.query.get('all_tenants') ?? '');
  if (everywhere && !call.project.admin) {
    const policy = `os_compute_api:servers:${detail ? 'detail' : 'index'}:get_all_tenants`;
    throw new Refusal(403, `Policy doesn't allow ${policy} to be performed.`);
  }
  const own = [...state.servers.values()]
    .filter((server) => everywhere || server.projectId === call.project.id)
    .filter((server) => passes(server, call))
    .reverse();
  const ordered = call.query.get('sort_dir') === 'asc' ? own.reverse() : own;
  const { page, next } = pageOf(state, call, ordered);
  const servers = page.map((server) =>
    detail
      ? serverView(state, server, { microversion: call.microversion, detail: 'list' })
      : { id: server.id, name: server.name, links: linksOf(state, server.id) },
  );
  return { status: 200, json: { servers, ...(next === undefined ? {} : { servers_links: next }) } };
}

function passes(server: Server, call: Call): boolean {
  const { query, microversion } = call;
  const tags = (name: string) => (microversion < 26 ? [] : query.get(name)?.split(',')) ?? [];
  const has = (tag: string) => server.tags.includes(tag);
  const name = query.get('name');
  const since = query.get('changes-since');
  return (
    (query.get('status') ?? server.status).toUpperCase() === server.status &&
    (name === null || new RegExp(name).test(server.name)) &&
    (query.get('image') ?? server.imageId) === server.imageId &&
    (query.get('flavor') ?? server.flavor.id) === server.flavor.id &&
    (since === null || server.updatedAt >= Date.parse(since)) &&
    tags('tags').every(has) &&
    (query.get('tags-any') === null || tags('tags-any').some(has)) &&
    (query.get('not-tags') === null || !tags('not-tags').every(has)) &&
    !tags('not-tags-any').some(has)
  );
}

function pageOf(state: CloudState, call: Call, servers: readonly Server[]) {
  const marker = call.query.get('marker');
  const most = state.settings.serverPageSize;
  const limit = Math.min(positive(call.query.get('limit')) ?? most, most);
  let start = 0;
  if (marker !== null) {
    start = servers.findIndex(({ id }) => id === marker) + 1;
    if (start === 0) throw new Refusal(400, `marker [${marker}] not found`);
  }
  const page = servers.slice(start, start + limit);
  const last = page.at(-1);
  if (last === undefined || page.length < limit) return { page, next: undefined };
  const query = new URLSearchParams(call.query);
  query.set('marker', last.id);
  const href = `${state.endpoints.compute}${call.path}?${query.toString()}`;
  return { page, next: [{ rel: 'next', href }] };
}

function positive(value: string | null): number | undefined {
  if (value === null) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0) {
    throw new Refusal(400, `Invalid input for query parameters limit. Value: ${value}.`);
  }
  return number === 0 ? undefined : number;
}
