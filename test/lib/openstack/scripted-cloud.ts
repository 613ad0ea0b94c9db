import { afterEach } from 'vitest';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../lib/clock.ts';
import type { HttpOptions } from '../../../lib/http/http-types.ts';
import type { CloudConfig } from '../../../lib/openstack/cloud-config.ts';
import { connectOpenStack } from '../../../lib/openstack/connect.ts';
import type { OpenStack } from '../../../lib/openstack/open-stack.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { bodyOf, localServer, sendJson } from '../http/local-server.ts';
import { recorded } from './recorded.ts';
import type { Recorded } from './recorded.ts';

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A recording, a body of a 200, or whatever is done with the response. */
export type Reply = Recorded | object | ((call: Call, response: ServerResponse) => void);

/** By `GET /compute/v2.1/servers/x`, or `*` for all others; a list is answered in turn, its last for ever. */
export type Script = Readonly<Record<string, Reply | readonly Reply[]>>;

export interface ScriptedCloud {
  readonly openstack: OpenStack;
  readonly url: string;
  readonly config: CloudConfig;
  /** Everything that was asked for, in order: `POST /identity/v3/auth/tokens`, … */
  readonly calls: readonly Call[];
  /** Calls of one kind. */
  asked: (route: string) => readonly Call[];
  connect: (options?: ConnectionOptions) => OpenStack;
  close: () => Promise<void>;
}

export interface ConnectionOptions {
  config?: Partial<CloudConfig>;
  clock?: Clock;
  http?: HttpOptions;
  signal?: AbortSignal;
}

const PORTS: Readonly<Record<string, string>> = {
  15000: 'identity',
  18774: 'compute',
  18778: 'placement',
  18776: 'volume',
  19292: 'image',
  19696: 'network',
};

/** A cloud that answers by a script what a real one answered; login and versions are there already. */
export async function scriptedCloud(
  script: Script = {},
  options: ConnectionOptions = {},
): Promise<ScriptedCloud> {
  const calls: Call[] = [];
  const turns = new Map<string, number>();
  const routes: Script = {
    'POST /identity/v3/auth/tokens': recorded('auth-appcred-201'),
    'GET /compute/v2.1/': recorded('versions-nova-v21'),
    ...script,
  };
  const server = await localServer((request, response) => {
    const { pathname, searchParams } = new URL(String(request.url), 'http://localhost');
    const route = `${String(request.method)} ${pathname}`;
    const replies = routes[route] ?? routes['*'];
    const turn = turns.get(route) ?? 0;
    turns.set(route, turn + 1);
    const reply: Reply | undefined = isList(replies)
      ? replies[Math.min(turn, replies.length - 1)]
      : replies;
    const answer = (body: string) => {
      const call: Call = {
        method: String(request.method),
        path: pathname,
        query: searchParams,
        headers: request.headers,
        body,
      };
      calls.push(call);
      if (reply === undefined) sendJson(response, { error: { message: `no ${route}` } }, 501);
      else if (typeof reply === 'function') reply(call, response);
      else send(response, reply, server.url);
    };
    // Data is left to the reply to read.
    if (request.method === 'PUT') {
      requests.set(response, request);
      answer('');
    } else {
      void bodyOf(request).then((body) => answer(body.toString()));
    }
  });
  const config: CloudConfig = {
    name: 'test',
    authUrl: `${server.url}/identity/v3`,
    credentials: { method: 'application_credential', id: 'the-id', secret: 'the-secret' },
    region: 'RegionOne',
    interface: 'public',
    endpointOverrides: {},
    tls: {},
    ...options.config,
  };
  const open: OpenStack[] = [];
  const connect = (more: ConnectionOptions = {}) => {
    const merged = { ...options, ...more };
    const openstack = connectOpenStack(
      { ...config, ...more.config },
      {
        clock: merged.clock ?? new VirtualClock(),
        http: { answerTimeoutMs: 5000, idleTimeoutMs: 5000, ...merged.http },
        ...(merged.signal === undefined ? {} : { signal: merged.signal }),
      },
    );
    open.push(openstack);
    return openstack;
  };
  return {
    openstack: connect(),
    url: server.url,
    config,
    calls,
    asked: (route) => calls.filter((call) => `${call.method} ${call.path}` === route),
    connect,
    async close() {
      for (const openstack of open) openstack.close();
      await server.close();
    },
  };
}

/** `scriptedCloud` for a file of tests: every cloud is closed after its test. */
export function cloudsOfThisFile(): typeof scriptedCloud {
  const clouds: ScriptedCloud[] = [];
  afterEach(async () => {
    for (const cloud of clouds.splice(0)) await cloud.close();
  });
  return async (script, options) => {
    const cloud = await scriptedCloud(script, options);
    clouds.push(cloud);
    return cloud;
  };
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const requests = new WeakMap<ServerResponse, IncomingMessage>();

/** The request of a PUT, whose body nobody has read yet. */
export function requestOf(response: ServerResponse): IncomingMessage {
  const request = requests.get(response);
  if (request === undefined) throw new Error('Only a PUT leaves its body to the reply.');
  return request;
}

function isList(replies: Reply | readonly Reply[] | undefined): replies is readonly Reply[] {
  return Array.isArray(replies);
}

function send(response: ServerResponse, reply: Recorded | object, url: string): void {
  const answer = 'status' in reply && 'headers' in reply ? reply : undefined;
  const { status, headers, body } = answer ?? { status: 200, headers: {}, body: reply };
  const text = here(
    typeof body === 'string' ? body : body === null ? '' : JSON.stringify(body),
    url,
  );
  const type = typeof body === 'string' ? 'text/html; charset=UTF-8' : 'application/json';
  response.writeHead(status, {
    'Content-Type': type,
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, here(value, url)])),
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** The recordings name the ports of the cloud they come from; here every service is a path of one server. */
function here(text: string, url: string): string {
  return text.replaceAll(/http:\/\/127\.0\.0\.1:(\d{5})/g, (whole, port: string) =>
    PORTS[port] === undefined ? whole : `${url}/${PORTS[port]}`,
  );
}
