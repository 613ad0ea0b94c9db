import { ConnectionFailed } from '../http/errors.ts';
import type { HttpAnswer, HttpRequest, HttpStream } from '../http/http-types.ts';
import { retry } from '../retry.ts';
import { UnexpectedAnswer } from './errors.ts';
import { Fields } from './fields.ts';
import { judge, passing, patience } from './patience.ts';
import { errorOf, parseJson, refusalOf } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Session } from './session.ts';

/** Where a service is and how it is spoken to. */
export interface Location {
  /** With the version, without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ServiceRequest {
  method: HttpRequest['method'];
  /** After the version: `/servers/detail`. */
  path: string;
  query?: readonly (readonly [string, string])[];
  /** Sent as JSON. */
  json?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** `show server X`: completes "Nova was asked to …". */
  attempt: string;
  /** Statuses of 400 and above that are answers, not errors. */
  accepted?: readonly number[];
  /** Whether it may be repeated after an error; default: everything but POST. */
  idempotent?: boolean;
  /** What a refusal means in this call; undefined for the usual meaning. */
  refused?: (refusal: Refusal) => Error | undefined | Promise<Error | undefined>;
  /** A text of the request that must not be shown if the service repeats it. */
  secret?: string;
  signal?: AbortSignal | undefined;
}

export interface StreamRequest extends ServiceRequest {
  body?: AsyncIterable<Uint8Array>;
  answerTimeoutMs?: number;
}

/** One service of the cloud, called with the session's token; a token that it rejects is replaced and the call made once more. */
export class Service {
  readonly session: Session;
  readonly #name: string;
  readonly #locate: (signal: AbortSignal | undefined) => Promise<Location>;

  constructor(
    session: Session,
    name: string,
    locate: (signal: AbortSignal | undefined) => Promise<Location>,
  ) {
    this.session = session;
    this.#name = name;
    this.#locate = locate;
  }

  /** Makes a call; against passing faults several times if it is idempotent. */
  async call(request: ServiceRequest): Promise<ServiceAnswer> {
    const attempt = () => this.#once(request);
    if (!isIdempotent(request)) return attempt();
    return this.patiently(request.attempt, attempt, request.signal);
  }

  /** Repeats what is safe to repeat while its faults pass. */
  async patiently<T>(
    what: string,
    operation: () => Promise<T>,
    signal: AbortSignal | undefined,
    policy = patience,
  ): Promise<T> {
    return retry(operation, {
      policy,
      clock: this.session.clock,
      signal: this.session.signalFor(signal),
      judge,
      onRetry: (error, waitMs) => {
        this.session.log.debug('Trying again', {
          service: this.#name,
          what,
          waitMs: Math.round(waitMs),
          error: error instanceof Error ? error.message : String(error),
        });
      },
    });
  }

  /** Makes a call once and hands out the answer's body as it comes. */
  async open(request: StreamRequest): Promise<HttpStream> {
    const answer = await this.#authorized(
      request,
      (http) => this.session.http.open(http),
      (stream) => {
        stream.discard();
      },
    );
    if (isAccepted(request, answer.status)) return answer;
    const text = await answer.text(64 * 1024).catch((error: unknown) => {
      throw error instanceof ConnectionFailed ? passing(error, request.attempt) : error;
    });
    throw await this.#error(request, { status: answer.status, headers: answer.headers, text });
  }

  /** The bytes of an open answer, with a cut in the words of this cloud. */
  async *body(stream: HttpStream, attempt: string): AsyncGenerator<Uint8Array> {
    try {
      yield* stream.body;
    } catch (error) {
      throw error instanceof ConnectionFailed ? passing(error, attempt) : error;
    }
  }

  async #once(request: ServiceRequest): Promise<ServiceAnswer> {
    const answer = await this.#authorized(request, (http) => this.session.http.fetch(http));
    if (isAccepted(request, answer.status)) return new ServiceAnswer(this.#name, request, answer);
    throw await this.#error(request, answer);
  }

  async #authorized<A extends { status: number }>(
    request: StreamRequest,
    send: (request: HttpRequest) => Promise<A>,
    discard: (answer: A) => void = () => {},
  ): Promise<A> {
    const { session } = this;
    const signal = session.signalFor(request.signal);
    for (let first = true; ; first = false) {
      const { value } = await session.token(signal);
      const location = await this.#locate(signal);
      let answer: A;
      try {
        answer = await send(httpRequest(request, location, value, signal));
      } catch (error) {
        if (error instanceof ConnectionFailed) throw passing(error, request.attempt);
        throw error;
      }
      if (answer.status !== 401) return answer;
      session.reject(value);
      // A body that has been sent cannot be sent again.
      if (!first || request.body !== undefined) return answer;
      discard(answer);
    }
  }

  async #error(request: ServiceRequest, answer: HttpAnswer): Promise<Error> {
    const refusal = refusalOf(this.#name, request.attempt, answer, request.secret);
    return (await request.refused?.(refusal)) ?? errorOf(refusal);
  }
}

export class ServiceAnswer {
  readonly status: number;
  readonly headers: HttpAnswer['headers'];
  readonly #what: string;
  readonly #text: string;

  constructor(service: string, request: ServiceRequest, answer: HttpAnswer) {
    this.status = answer.status;
    this.headers = answer.headers;
    this.#text = answer.text;
    this.#what = `The answer of ${service} to "${request.attempt}"`;
  }

  /** The JSON object of the body. */
  fields(): Fields {
    const body = parseJson(this.#text);
    if (body === undefined) throw new UnexpectedAnswer(`${this.#what} is not JSON.`);
    return new Fields(body, this.#what);
  }

  get isEmpty(): boolean {
    return this.#text.trim() === '';
  }
}

function isIdempotent(request: ServiceRequest): boolean {
  return request.idempotent ?? request.method !== 'POST';
}

function isAccepted(request: ServiceRequest, status: number): boolean {
  return (status >= 200 && status < 300) || (request.accepted ?? []).includes(status);
}

function httpRequest(
  request: StreamRequest,
  location: Location,
  token: string,
  signal: AbortSignal | undefined,
): HttpRequest {
  const query = new URLSearchParams(
    (request.query ?? []).map(([name, value]): [string, string] => [name, value]),
  ).toString();
  const body =
    request.body ?? (request.json === undefined ? undefined : JSON.stringify(request.json));
  return {
    method: request.method,
    url: `${location.url}${request.path}${query === '' ? '' : `?${query}`}`,
    headers: {
      'X-Auth-Token': token,
      ...location.headers,
      ...(request.json === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body }),
    idempotent: isIdempotent(request),
    ...(request.answerTimeoutMs === undefined ? {} : { answerTimeoutMs: request.answerTimeoutMs }),
    signal,
  };
}
