import { authenticate, unauthorized } from '../authentication.ts';
import type { Answer, Call, Route } from '../http/call.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Service } from '../http/service.ts';
import type { CloudState } from '../state.ts';
import { minorVersion } from './minor-version.ts';
import { createSnapshot, deleteSnapshot, listSnapshots, showSnapshot } from './snapshots.ts';
import { volumeTypeView } from './views.ts';
import { createVolume, deleteVolume, listVolumes, showVolume, volumeAction } from './volumes.ts';

/** Cinder v3: volumes that servers boot from or have attached, and their snapshots. */
export function cinder(state: CloudState): Service {
  return {
    type: 'volumev3',
    routes: routesOf(state),
    authenticate: (call) => authenticate(state, call),
    refuse,
    finish: withVersion,
    canonicalPath: (path) => path.replace(/^\/v3\/[0-9a-f]{32}(?=\/|$)/, '/v3'),
  };
}

function routesOf(state: CloudState): Route[] {
  const route = (
    method: string,
    path: string,
    handle: (state: CloudState, call: Call) => Answer | Promise<Answer>,
  ): Route => ({ method, pattern: `/v3${path}`, handle: (call) => handle(state, call) });
  return [
    { method: 'GET', pattern: '/', open: true, handle: () => versions(state) },
    route('GET', '/types', () => ({
      status: 200,
      json: {
        volume_types: state.settings.volumes.types.map((name) => ({
          ...volumeTypeView(name),
          'os-volume-type-access:is_public': true,
        })),
      },
    })),
    route('GET', '/limits', limits),
    route('GET', '/volumes', (_, call) => listVolumes(state, call, false)),
    route('POST', '/volumes', createVolume),
    route('GET', '/volumes/detail', (_, call) => listVolumes(state, call, true)),
    route('GET', '/volumes/{volume}', showVolume),
    route('DELETE', '/volumes/{volume}', deleteVolume),
    route('POST', '/volumes/{volume}/action', volumeAction),
    route('GET', '/snapshots', listSnapshots),
    route('POST', '/snapshots', createSnapshot),
    route('GET', '/snapshots/detail', listSnapshots),
    route('GET', '/snapshots/{snapshot}', showSnapshot),
    route('DELETE', '/snapshots/{snapshot}', deleteSnapshot),
  ];
}

function versions(state: CloudState): Answer {
  const v3 = {
    id: 'v3.0',
    status: 'CURRENT',
    version: '3.70',
    min_version: '3.0',
    updated: '2022-08-31T00:00:00Z',
    links: [
      { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' },
      { rel: 'self', href: `${state.endpoints.volumev3}/v3/` },
    ],
    'media-types': [
      { base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' },
    ],
  };
  return { status: 300, json: { versions: [v3] } };
}

function limits(state: CloudState, call: Call): Answer {
  const own = <T extends { projectId: string }>(records: Map<string, T>) =>
    [...records.values()].filter(({ projectId }) => projectId === call.project.id);
  const volumes = own(state.volumes);
  const absolute = {
    maxTotalVolumes: state.settings.volumes.countTotal,
    maxTotalSnapshots: state.settings.volumes.countTotal,
    maxTotalVolumeGigabytes: 1000,
    maxTotalBackups: 10,
    maxTotalBackupGigabytes: 1000,
    totalVolumesUsed: volumes.length,
    totalGigabytesUsed: volumes.reduce((sum, { sizeGib }) => sum + sizeGib, 0),
    totalSnapshotsUsed: own(state.volumeSnapshots).length,
    totalBackupsUsed: 0,
    totalBackupGigabytesUsed: 0,
  };
  return { status: 200, json: { limits: { rate: [], absolute } } };
}

function withVersion(answer: Answer, call: Call): Answer {
  const headers = {
    'Openstack-Api-Version': `volume 3.${minorVersion(call)}`,
    Vary: 'OpenStack-API-Version',
    'X-Compute-Request-Id': call.requestId,
  };
  return { ...answer, headers: { ...headers, ...answer.headers } };
}

function refuse(refusal: Refusal): Answer {
  const { status, message, headers } = refusal;
  if (status === 401) return unauthorized(refusal);
  return {
    status,
    headers,
    json: { [kinds[status] ?? 'computeFault']: { code: status, message } },
  };
}

const kinds: Record<number, string> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
  429: 'overLimit',
  503: 'serviceUnavailable',
};
