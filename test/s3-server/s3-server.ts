import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, S3Fault } from './answer.ts';
import type { Bucket } from './buckets.ts';
import { operationOf, perform, type S3Request, type ServerState } from './operations.ts';
import { payloadOf } from './payload.ts';
import { checkSignature, type Credentials } from './signature.ts';

/** What goes wrong with a request, instead of its answer. `effect`: whether it takes effect all the same. */
export type Fault =
  | { kind: 'answer'; effect: boolean; status: number; code: string }
  /** An answer with the body given, whatever the operation. */
  | { kind: 'body'; effect: boolean; status: number; body: string }
  /** The connection is closed without an answer. */
  | { kind: 'cut'; effect: boolean }
  /** There is never an answer. */
  | { kind: 'hang'; effect: boolean }
  /** The connection is closed, or stands still, after so many bytes of the answer's body. */
  | { kind: 'cut body' | 'stall body'; afterBytes: number };

export interface S3Server {
  url: string;
  credentials: Credentials;
  state: ServerState;
  /** The bucket `bank`, which is there from the start. */
  bucket: Bucket;
  /** All well-signed requests, in their order. */
  requests: S3Request[];
  /** Asked for every request that is well signed. */
  faultFor: (request: S3Request) => Fault | undefined;
  /** Faults for the next requests of the operation, in their order; then it works. */
  failNext(operation: S3Request['operation'], ...faults: Fault[]): void;
  /** How far its clock is ahead. */
  clockOffsetMilliseconds: number;
  close(): Promise<void>;
}

/** An S3 server for tests, in this process and in memory: path style, signatures, checksums, conditions, multipart, pages; and faults. */
export async function startS3Server(): Promise<S3Server> {
  const bucket: Bucket = { objects: new Map(), uploads: new Map() };
  const state: ServerState = {
    buckets: new Map([['bank', bucket]]),
    pageSize: 1000,
    ignoresConditions: false,
    ignoresRanges: false,
    now: () => new Date(Date.now() + server.clockOffsetMilliseconds),
  };

  const http = createServer((request, response) => {
    void serve(server, request, response);
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });

  const server: S3Server = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'TESTKEY', secretAccessKey: 'test-secret' },
    state,
    bucket,
    requests: [],
    faultFor: () => undefined,
    failNext(operation, ...faults) {
      const left = [...faults];
      server.faultFor = (request) => (request.operation === operation ? left.shift() : undefined);
    },
    clockOffsetMilliseconds: 0,
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => {
        http.close(resolve);
      });
    },
  };
  return server;
}

async function serve(
  server: S3Server,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return; // The client went away before the end of its request.
  }
  respond(server, request, response, Buffer.concat(chunks));
}

function respond(
  server: S3Server,
  message: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): void {
  const now = Date.now() + server.clockOffsetMilliseconds;
  response.setHeader('date', new Date(now).toUTCString());
  let fault: Fault | undefined;
  let answer: Answer;
  try {
    const url = new URL(message.url ?? '/', server.url);
    checkSignature(message, url, body, server.credentials, now);
    const request = requestOf(message, url, body);
    server.requests.push(request);
    fault = server.faultFor(request);
    const hasEffect = fault === undefined || !('effect' in fault) || fault.effect;
    answer = hasEffect ? perform(request, server.state) : { status: 500 };
  } catch (error) {
    if (!(error instanceof S3Fault)) throw error;
    answer = error.answer();
  }
  send(response, answer, fault);
}

function requestOf(message: IncomingMessage, url: URL, body: Buffer): S3Request {
  const [, bucketName = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const key = rest.join('/');
  return {
    operation: operationOf(message.method ?? '', key, url.searchParams),
    bucketName,
    key,
    query: url.searchParams,
    headers: message.headers,
    body: payloadOf(message, body),
  };
}

function send(response: ServerResponse, answer: Answer, fault: Fault | undefined): void {
  switch (fault?.kind) {
    case undefined:
      write(response, answer);
      break;
    case 'answer':
      write(response, new S3Fault(fault.status, fault.code).answer());
      break;
    case 'body':
      write(response, fault);
      break;
    case 'cut':
      response.destroy();
      break;
    case 'hang':
      break;
    case 'cut body':
    case 'stall body': {
      const { kind, afterBytes } = fault;
      const body = Buffer.from(answer.body ?? '');
      response.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
      response.write(body.subarray(0, afterBytes), () => {
        if (kind === 'cut body') response.destroy();
      });
      break;
    }
  }
}

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...length, ...headers });
  response.end(body);
}
