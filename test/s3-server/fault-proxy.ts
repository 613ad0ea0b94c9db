import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as send,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Fault } from './answer.ts';

/** What goes wrong with a request on its way. `effect`: whether the server gets it all the same. */
export type ProxyFault =
  | { kind: 'answer'; effect: boolean; status: number; code: string; clockOffsetSeconds?: number }
  /** A page of the proxy itself, whatever the request. */
  | { kind: 'page'; effect: boolean; status: number; body: string }
  /** The connection is closed without an answer. */
  | { kind: 'reset'; effect: boolean }
  /** There is never an answer. */
  | { kind: 'silence'; effect: boolean }
  /** The server gets so much of the request's body, and then a closed connection, as the client does. */
  | { kind: 'cut request'; share: number }
  /** So much of the answer's body, and then a closed connection. */
  | { kind: 'cut answer'; share: number }
  /** So much of the answer's body, as if it were all. */
  | { kind: 'short answer'; share: number }
  /** The server gets the request two times, and the second answer is passed on. */
  | { kind: 'twice' }
  /** The client gets the answer two times. */
  | { kind: 'answered twice' };

export interface ProxiedRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
}

export interface FaultProxy {
  readonly url: string;
  faultFor: (request: ProxiedRequest) => ProxyFault | undefined;
  /** Faults so far. */
  injected: number;
  /** Given for each request a promise that it has been answered, or was given up. */
  whileServing: (served: Promise<unknown>) => void;
  close(): Promise<void>;
}

interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A proxy before an S3 server, which does not see the difference: requests are passed on as they were signed. */
export async function startFaultProxy(serverUrl: string): Promise<FaultProxy> {
  const http = createServer((request, response) => {
    proxy.whileServing(once(response, 'close'));
    void serve(proxy, serverUrl, request, response).catch(() => response.destroy());
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    faultFor: () => undefined,
    injected: 0,
    whileServing: () => undefined,
    async close() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return proxy;
}

async function serve(
  proxy: FaultProxy,
  serverUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const { method = '', url: path = '', headers } = request;
  const fault = proxy.faultFor({ method, path, headers });
  if (fault !== undefined) proxy.injected += 1;
  const pass = async () => await passOn(serverUrl, request, body);

  switch (fault?.kind) {
    case undefined:
      write(response, await pass());
      break;
    case 'answer':
      if (fault.effect) await pass();
      write(response, asAnswered(fault));
      break;
    case 'page':
      if (fault.effect) await pass();
      write(response, {
        status: fault.status,
        headers: { 'content-type': 'text/html' },
        body: Buffer.from(fault.body),
      });
      break;
    case 'reset':
      if (fault.effect) await pass();
      response.destroy();
      break;
    case 'silence':
      if (fault.effect) await pass();
      break;
    case 'cut request':
      await passOn(serverUrl, request, body, fault.share).catch(() => undefined);
      response.destroy();
      break;
    case 'cut answer': {
      const answer = await pass();
      response.writeHead(answer.status, headersOf(answer));
      response.write(part(answer.body, fault.share), () => response.destroy());
      break;
    }
    case 'short answer': {
      const answer = await pass();
      write(response, { ...answer, body: part(answer.body, fault.share) });
      break;
    }
    case 'twice':
      await pass();
      write(response, await pass());
      break;
    case 'answered twice': {
      const answer = await pass();
      const raw = rawAnswer(answer);
      response.socket?.write(Buffer.concat([raw, raw]));
      break;
    }
  }
}

/** Sends the request to the server; with a share only the beginning of its body, and then closes the connection. */
async function passOn(
  serverUrl: string,
  { method, url = '', headers, rawHeaders }: IncomingMessage,
  body: Buffer,
  share?: number,
): Promise<Answered> {
  const upstream = send(new URL(url, serverUrl), { method, headers: rawHeaders });
  if (share !== undefined) {
    const first = part(body, share);
    upstream.on('error', () => undefined);
    await new Promise((resolve) => {
      upstream.write(first.length > 0 ? first : ' ', resolve);
    });
    upstream.destroy();
    throw new Error(`${headers.host ?? ''}: cut`);
  }
  upstream.end(body);
  const [answer] = (await once(upstream, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return {
    status: answer.statusCode ?? 500,
    headers: answer.headers,
    body: Buffer.concat(chunks),
  };
}

function asAnswered(fault: ProxyFault & { kind: 'answer' }): Answered {
  const { status, headers = {}, body = '' } = new S3Fault(fault.status, fault.code).answer();
  const date = new Date(Date.now() + (fault.clockOffsetSeconds ?? 0) * 1000).toUTCString();
  return {
    status,
    headers: { 'content-type': String(headers['content-type']), date },
    body: Buffer.from(body),
  };
}

function headersOf({ headers, body, status }: Answered): Record<string, string | string[]> {
  const kept = Object.entries(headers).flatMap(([name, value]): [string, string | string[]][] =>
    value === undefined || ['transfer-encoding', 'connection', 'keep-alive'].includes(name)
      ? []
      : [[name, value]],
  );
  // What HEAD announces is not there.
  const length = body.length > 0 || headers['content-length'] === undefined;
  return {
    ...Object.fromEntries(kept),
    ...(length && status !== 204 && status !== 304 ? { 'content-length': `${body.length}` } : {}),
  };
}

function write(response: ServerResponse, answer: Answered): void {
  response.writeHead(answer.status, headersOf(answer));
  response.end(answer.body);
}

function rawAnswer(answer: Answered): Buffer {
  const lines = Object.entries(headersOf(answer)).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${answer.status} Answer\r\n${lines.join('')}\r\n`),
    answer.body,
  ]);
}

function part(body: Buffer, share: number): Buffer {
  return body.subarray(0, Math.floor(body.length * share));
}
