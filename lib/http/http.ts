import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import axios from 'axios';
import { Answer } from './answer.ts';
import { connectionFailed } from './errors.ts';
import type {
  HttpAnswer,
  HttpHeaders,
  HttpOptions,
  HttpRequest,
  HttpStream,
} from './http-types.ts';
import { checkProxy } from './proxy.ts';
import { Upload } from './upload.ts';
import { Watchdog } from './watchdog.ts';

const LARGEST_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * HTTP as this program needs it, on axios: redirects are not followed, no status is an error, bodies are streamed with backpressure,
 * and nothing hangs. Throws `ConnectionFailed`, which holds no secrets, the reason of the request's signal, or what the source of
 * an upload threw.
 */
export class Http {
  readonly #options: HttpOptions;
  readonly #pooled: Agents;
  readonly #fresh: Agents;

  constructor(options: HttpOptions = {}) {
    if (options.proxy !== undefined) checkProxy(options.proxy);
    this.#options = options;
    this.#pooled = agents(options, true);
    this.#fresh = agents(options, false);
  }

  /** Sends a request and reads the whole answer as text. */
  async fetch(request: HttpRequest): Promise<HttpAnswer> {
    const stream = await this.#send(request, true);
    const text = await stream.text(LARGEST_TEXT_BYTES);
    return { status: stream.status, headers: stream.headers, text };
  }

  /** Sends a request and hands out the answer's body as it comes, byte for byte. */
  open(request: HttpRequest): Promise<HttpStream> {
    return this.#send(request, false);
  }

  close(): void {
    for (const { http, https } of [this.#pooled, this.#fresh]) {
      http.destroy();
      https.destroy();
    }
  }

  async #send(request: HttpRequest, decompress: boolean): Promise<HttpStream> {
    request.signal?.throwIfAborted();
    const { idleTimeoutMs = 60_000, proxy } = this.#options;
    const answerTimeoutMs = request.answerTimeoutMs ?? this.#options.answerTimeoutMs ?? 60_000;
    const agents = request.idempotent === false ? this.#fresh : this.#pooled;
    const watchdog = new Watchdog();
    const connection = Promise.withResolvers<void>();
    const upload =
      typeof request.body === 'object'
        ? new Upload(request.body, {
            watchdog,
            connected: connection.promise,
            idleTimeoutMs,
            answerTimeoutMs,
          })
        : undefined;
    const failure = (error: unknown): unknown => {
      if (request.signal?.aborted === true) return request.signal.reason;
      if (upload?.sourceError !== undefined) return upload.sourceError.error;
      return connectionFailed(request, watchdog.expired, error);
    };
    try {
      const response = await axios.request<Readable>({
        adapter: 'http',
        method: request.method,
        url: request.url,
        headers: {
          'User-Agent': 'snapbank',
          Accept: '*/*',
          ...(decompress ? {} : { 'Accept-Encoding': 'identity' }),
          ...request.headers,
        },
        data: upload?.stream ?? request.body,
        responseType: 'stream',
        decompress,
        maxRedirects: 0,
        maxBodyLength: -1,
        maxContentLength: -1,
        // Left open only where the agents carry the proxy: then axios leaves it to them.
        ...(proxy === undefined ? { proxy: false } : {}),
        httpAgent: agents.http,
        httpsAgent: agents.https,
        transformRequest: [],
        transformResponse: [],
        validateStatus: () => true,
        // axios' own timeout counts the time in the queue of the agent, ends uploads that move, and ignores bodies that do not.
        timeout: 0,
        signal:
          request.signal === undefined
            ? watchdog.signal
            : AbortSignal.any([request.signal, watchdog.signal]),
        transport: transport(() => {
          connection.resolve();
          if (upload === undefined) watchdog.expect('answer', answerTimeoutMs);
        }),
      });
      watchdog.rest();
      return new Answer(response.status, textHeaders(response.headers), response.data, {
        watchdog,
        idleTimeoutMs,
        failure,
        ended: () => upload?.end(),
      });
    } catch (error) {
      watchdog.rest();
      upload?.end();
      throw failure(error);
    }
  }
}

interface Agents {
  http: HttpAgent;
  https: HttpsAgent;
}

function agents(options: HttpOptions, keepAlive: boolean): Agents {
  const { maxSockets = 32, tls = {}, proxy } = options;
  const common = {
    keepAlive,
    maxSockets,
    ...(proxy === undefined ? {} : { proxyEnv: { ...proxy } }),
  };
  return {
    http: new HttpAgent(common),
    https: new HttpsAgent({
      ...common,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      rejectUnauthorized: tls.verify !== false,
    }),
  };
}

/**
 * Node's own requests, in place of those that follow redirects and for that keep the whole body of an upload, without backpressure.
 * Tells when a connection is assigned: the time in an agent's queue is not the server's.
 */
function transport(onConnection: () => void) {
  return {
    request(options: RequestOptions, onAnswer: (answer: IncomingMessage) => void): ClientRequest {
      const request = options.protocol === 'https:' ? httpsRequest : httpRequest;
      return request(options, onAnswer).once('socket', onConnection);
    },
  };
}

function textHeaders(headers: object): HttpHeaders {
  const entries = Object.entries(headers).map(([name, value]: [string, unknown]) => [
    name.toLowerCase(),
    String(value),
  ]);
  return Object.fromEntries(entries) as HttpHeaders;
}
