import { authenticate, unauthorized } from '../authentication.ts';
import type { Answer, Call, Route } from '../http/call.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Service } from '../http/service.ts';
import type { CloudState } from '../state.ts';
import { showLimits, showVersion, showVersions, showZones } from './about.ts';
import { attachVolume, detachVolume, listAttachments, listInterfaces } from './attachments.ts';
import { createServer } from './create-server.ts';
import { deleteServer } from './delete-server.ts';
import { findServer } from './find-server.ts';
import { listFlavors, showExtraSpecs, showFlavor } from './flavors.ts';
import { listActions, showAction } from './instance-actions.ts';
import { listKeypairs, showKeypair } from './keypairs.ts';
import { listServers } from './list-servers.ts';
import { metadataRoutes } from './metadata.ts';
import { microversionOf, withMicroversion } from './microversion.ts';
import { serverAction } from './server-actions.ts';
import { serverView } from './server-view.ts';

/** Nova, from microversion 2.1 to 2.93. */
export function nova(state: CloudState): Service {
  return {
    type: 'compute',
    routes: routesOf(state),
    authenticate: (call) => authenticate(state, call),
    refuse,
    prepare(call) {
      if (call.path !== '/')
        call.microversion = microversionOf(call, state.settings.maxMicroversion);
    },
    finish: (answer, call) => (call.path === '/' ? answer : withMicroversion(answer, call)),
    canonicalPath: (path) => path.replace(/^\/v2\.1\/[0-9a-f]{32}(?=\/|$)/, '/v2.1'),
  };
}

function routesOf(state: CloudState): Route[] {
  const route = (
    method: string,
    path: string,
    handle: (state: CloudState, call: Call) => Answer | Promise<Answer>,
  ): Route => ({
    method,
    pattern: `/v2.1${path}`,
    handle: (call) => handle(state, call),
  });
  const server = '/servers/{server}';
  return [
    { method: 'GET', pattern: '/', open: true, handle: () => showVersions(state) },
    { ...route('GET', '', showVersion), open: true },
    route('GET', '/limits', showLimits),
    route('GET', '/os-availability-zone', showZones),
    route('GET', '/flavors', (_, call) => listFlavors(state, call, false)),
    route('GET', '/flavors/detail', (_, call) => listFlavors(state, call, true)),
    route('GET', '/flavors/{flavor}', showFlavor),
    route('GET', '/flavors/{flavor}/os-extra_specs', showExtraSpecs),
    route('GET', '/os-keypairs', listKeypairs),
    route('GET', '/os-keypairs/{keypair}', showKeypair),
    route('GET', '/servers', (_, call) => listServers(state, call, false)),
    route('POST', '/servers', createServer),
    route('GET', '/servers/detail', (_, call) => listServers(state, call, true)),
    route('GET', server, showServer),
    route('DELETE', server, deleteServer),
    route('POST', `${server}/action`, serverAction),
    route('GET', `${server}/os-instance-actions`, listActions),
    route('GET', `${server}/os-instance-actions/{request}`, showAction),
    route('GET', `${server}/os-interface`, listInterfaces),
    route('GET', `${server}/os-volume_attachments`, listAttachments),
    route('POST', `${server}/os-volume_attachments`, attachVolume),
    route('DELETE', `${server}/os-volume_attachments/{volume}`, detachVolume),
    ...metadataRoutes(route),
  ];
}

function showServer(state: CloudState, call: Call): Answer {
  const { microversion } = call;
  const view = serverView(state, findServer(state, call), { microversion, detail: 'show' });
  return { status: 200, json: { server: view } };
}

/** Nova names its errors by their status. */
function refuse(refusal: Refusal, call: Call | undefined): Answer {
  const { status, message, headers } = refusal;
  if (status === 401) return unauthorized(refusal);
  const kind = kinds[status] ?? 'computeFault';
  const retryAfter = headers['Retry-After'];
  const json = {
    [kind]: { code: status, message, ...(retryAfter === undefined ? {} : { retryAfter }) },
  };
  const answer = {
    status,
    headers: { ...headers, 'Content-Type': 'application/json; charset=UTF-8' },
    json,
  };
  return call === undefined ? answer : withMicroversion(answer, call);
}

const kinds: Record<number, string> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};
