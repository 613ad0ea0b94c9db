import { authenticate, unauthorized } from '../authentication.ts';
import { type Answer, type Call, param, type Route } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { Service } from '../http/service.ts';
import type { CloudState } from '../state.ts';
import { securityGroup } from './port-record.ts';
import { createPort, deletePort } from './ports.ts';
import { networkView, portView, securityGroupView, subnetView } from './views.ts';

/** Neutron: what a backup captures of a server's ports, and what a restore needs to make them again. */
export function neutron(state: CloudState): Service {
  return {
    type: 'network',
    routes: routesOf(state),
    authenticate: (call) => authenticate(state, call),
    refuse,
  };
}

function routesOf(state: CloudState): Route[] {
  const networks = (call: Call) =>
    [...state.networks.values()]
      .filter(({ shared, projectId }) => shared || isShown(projectId, call))
      .map((network) => networkView(state, network));
  const subnets = (call: Call) => {
    const visible = new Set(networks(call).map(({ id }) => id));
    return [...state.subnets.values()]
      .filter(({ networkId }) => visible.has(networkId))
      .map(subnetView);
  };
  const groups = (call: Call) => {
    securityGroup(state, call.project.id, 'default');
    return own(state.securityGroups, call).map(securityGroupView);
  };
  const ports = (call: Call) => own(state.ports, call).map(portView);
  return [
    { method: 'GET', pattern: '/', open: true, handle: () => versions(state) },
    ...resource('network', networks),
    ...resource('subnet', subnets),
    ...resource('port', ports),
    ...resource('security_group', groups),
    ...resource('floatingip', () => []),
    { method: 'POST', pattern: '/v2.0/ports', handle: (call) => createPort(state, call) },
    { method: 'DELETE', pattern: '/v2.0/ports/{port}', handle: (call) => deletePort(state, call) },
  ];
}

/** The list, filtered by any field that the query names, a page at a time; and each by id. */
function resource(name: string, all: (call: Call) => { id: string }[]): Route[] {
  const plural = `${name}s`;
  const path = `/v2.0/${plural.replace('_', '-')}`;
  return [
    { method: 'GET', pattern: path, handle: (call) => page(plural, all(call), call) },
    {
      method: 'GET',
      pattern: `${path}/{id}`,
      handle(call) {
        const id = param(call, 'id');
        const found = all(call).find((each) => each.id === id);
        if (found !== undefined) return { status: 200, json: { [name]: found } };
        const title = name.replace('_', ' ');
        const type = `${title.charAt(0).toUpperCase()}${title.slice(1).replace(' g', 'G')}NotFound`;
        const shown = `${title.charAt(0).toUpperCase()}${title.slice(1)}`;
        throw new Refusal(404, `${shown} ${id} could not be found.`, { type });
      },
    },
  ];
}

function page(plural: string, all: { id: string }[], call: Call): Answer {
  const notFilters = ['limit', 'marker', 'fields', 'sort_key', 'sort_dir', 'page_reverse'];
  const filters = [...call.query].filter(([name]) => !notFilters.includes(name));
  const matching = all.filter((each) =>
    filters.every(([name]) => {
      const field = (each as Record<string, unknown>)[name];
      return call.query.getAll(name).some((value) => holds(field, value));
    }),
  );
  const marker = call.query.get('marker');
  const start = marker === null ? 0 : matching.findIndex(({ id }) => id === marker) + 1;
  const limit = Number(call.query.get('limit') ?? 0);
  const shown = limit > 0 ? matching.slice(start, start + limit) : matching.slice(start);
  const last = shown.at(-1);
  if (limit === 0 || last === undefined || shown.length < limit) {
    return { status: 200, json: { [plural]: shown } };
  }
  const query = new URLSearchParams(call.query);
  query.set('marker', last.id);
  const host = call.incoming.headers.host ?? '';
  const href = `http://${host}${call.path}?${query.toString()}`;
  return { status: 200, json: { [plural]: shown, [`${plural}_links`]: [{ rel: 'next', href }] } };
}

/** A plain field equals the value; of a list of objects, such as fixed_ips, one has the member that `ip_address=10.0.0.5` names. */
function holds(field: unknown, value: string): boolean {
  if (!Array.isArray(field)) return String(field) === value;
  const [name = '', ...rest] = value.split('=');
  return field.some((each: Record<string, unknown>) => String(each[name]) === rest.join('='));
}

const own = <T extends { projectId: string }>(records: Map<string, T>, call: Call): T[] =>
  [...records.values()].filter(({ projectId }) => isShown(projectId, call));

const isShown = (projectId: string, { project }: Call): boolean =>
  project.admin || projectId === project.id;

function versions(state: CloudState): Answer {
  const links = [{ rel: 'self', href: `${state.endpoints.network}/v2.0/` }];
  return { status: 200, json: { versions: [{ id: 'v2.0', status: 'CURRENT', links }] } };
}

function refuse(refusal: Refusal): Answer {
  if (refusal.status === 401) return unauthorized(refusal);
  const { status, message, headers, type = 'HTTPError' } = refusal;
  return { status, headers, json: { NeutronError: { type, message, detail: '' } } };
}
