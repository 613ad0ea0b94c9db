import type { Clock } from '../clock.ts';
import type { Http } from '../http/http.ts';
import { ConnectionFailed } from '../http/errors.ts';
import type { Log } from '../log.ts';
import { retry } from '../retry.ts';
import { endpointParts, findEndpoint } from './catalogue.ts';
import type { EndpointParts } from './catalogue.ts';
import { cloudIdentity } from './cloud-config.ts';
import type { CloudConfig, ServiceType } from './cloud-config.ts';
import { authenticate } from './keystone.ts';
import type { Token } from './keystone.ts';
import type { Identity } from './open-stack.ts';
import { judge, passing, patience } from './patience.ts';

/** A token is renewed when less than this is left of it, or a tenth of its life if that is shorter. */
const RENEW_BEFORE_MS = 5 * 60_000;

export interface SessionParts {
  config: CloudConfig;
  http: Http;
  clock: Clock;
  log: Log;
  /** Ends everything. */
  signal?: AbortSignal | undefined;
}

interface HeldToken extends Token {
  readonly renewAtMs: number;
  readonly clockAheadMs: number | null;
}

/** One login in one cloud: token, catalogue and where the services are. Authenticates when first needed, and again in time. */
export class Session {
  readonly http: Http;
  readonly clock: Clock;
  readonly log: Log;
  /** Private, as the token is: whatever prints a session prints no secret. */
  readonly #config: CloudConfig;
  readonly #signal: AbortSignal | undefined;
  #token: HeldToken | undefined;
  #login: Promise<HeldToken> | undefined;

  constructor(parts: SessionParts) {
    this.#config = parts.config;
    this.http = parts.http;
    this.clock = parts.clock;
    this.log = parts.log;
    this.#signal = parts.signal;
  }

  /** For people. */
  get cloudName(): string {
    return this.#config.name;
  }

  /** A signal that ends with the call's and with the session's. */
  signalFor(signal: AbortSignal | undefined): AbortSignal | undefined {
    if (this.#signal === undefined || signal === undefined) return this.#signal ?? signal;
    return AbortSignal.any([this.#signal, signal]);
  }

  /** Whoever asks while a login is under way shares it. */
  async token(signal: AbortSignal | undefined): Promise<Token> {
    signal?.throwIfAborted();
    if (this.#token !== undefined && this.clock.now() < this.#token.renewAtMs) return this.#token;
    this.#login ??= this.#authenticate().finally(() => {
      this.#login = undefined;
    });
    return unlessAborted(this.#login, signal);
  }

  /** A service answered 401 to this token. Only the first such word of a token counts, so that it is replaced once. */
  reject(value: string): void {
    if (this.#token?.value === value) this.#token = undefined;
  }

  async endpoint(type: ServiceType, signal: AbortSignal | undefined): Promise<EndpointParts> {
    const { catalogue, projectId } = await this.token(signal);
    const { interface: wanted, region, endpointOverrides } = this.#config;
    const url =
      endpointOverrides[type] ?? findEndpoint(catalogue, type, { interface: wanted, region }).url;
    return endpointParts(url, projectId);
  }

  async identity(signal: AbortSignal | undefined): Promise<Identity> {
    const { catalogue, projectId, projectName, userId } = await this.token(signal);
    const { interface: wanted } = this.#config;
    const region =
      this.#config.region ??
      findEndpoint(catalogue, 'compute', { interface: wanted, region: undefined }).region;
    return { cloud: cloudIdentity(this.#config), region, projectId, projectName, userId };
  }

  /** How far the cloud's clock was ahead of this one at the last login; null where it does not show. */
  async clockAheadMs(signal: AbortSignal | undefined): Promise<number | null> {
    await this.token(signal);
    return this.#token?.clockAheadMs ?? null;
  }

  /** Not ended by the signal of one of those who wait for it. */
  async #authenticate(): Promise<HeldToken> {
    const { clock, http, log } = this;
    const config = this.#config;
    const token = await retry(
      async () => {
        try {
          const askedAtMs = clock.now();
          const token = await authenticate(http, config, this.#signal);
          const margin = Math.min(RENEW_BEFORE_MS, token.lifeMs / 10);
          const midwayMs = (askedAtMs + clock.now()) / 2;
          return {
            ...token,
            renewAtMs: askedAtMs + token.lifeMs - margin,
            clockAheadMs: token.issuedAtMs === null ? null : token.issuedAtMs - midwayMs,
          };
        } catch (error) {
          throw error instanceof ConnectionFailed
            ? passing(error, `authenticate in the cloud "${config.name}"`)
            : error;
        }
      },
      { policy: patience, clock, signal: this.#signal, judge },
    );
    this.#token = token;
    log.debug('Authenticated', { cloud: config.name, project: token.projectId });
    return token;
  }
}

/** The promise goes on for the others. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => {
    aborted.reject(signal.reason as Error);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
