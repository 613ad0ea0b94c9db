import type { EndpointParts } from './catalogue.ts';
import { Fields } from './fields.ts';
import { headersFor, negotiate } from './microversion.ts';
import type { Microversion } from './microversion.ts';
import { errorOf, parseJson, refusalOf } from './refusal.ts';
import type { Location } from './service.ts';
import { judge, passing, patience } from './patience.ts';
import { ConnectionFailed } from '../http/errors.ts';
import { retry } from '../retry.ts';
import type { Session } from './session.ts';

/** Glance, Neutron and Cinder have had one major version for a decade, at a fixed path below the endpoint's root. */
export async function glanceLocation(
  session: Session,
  signal: AbortSignal | undefined,
): Promise<Location> {
  const { root } = await session.endpoint('image', signal);
  return { url: `${root}/v2`, headers: {} };
}

export async function neutronLocation(
  session: Session,
  signal: AbortSignal | undefined,
): Promise<Location> {
  const { root } = await session.endpoint('network', signal);
  return { url: `${root}/v2.0`, headers: {} };
}

export async function cinderLocation(
  session: Session,
  signal: AbortSignal | undefined,
): Promise<Location> {
  const { root } = await session.endpoint('block-storage', signal);
  const { projectId } = await session.token(signal);
  return { url: `${root}/v3/${projectId}`, headers: {} };
}

export interface NovaLocation extends Location {
  readonly microversion: Microversion | undefined;
}

/** Asks Nova, once for the session, which microversions it has. */
export class NovaDiscovery {
  readonly #session: Session;
  #found: NovaLocation | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  async location(signal: AbortSignal | undefined): Promise<NovaLocation> {
    this.#found ??= await this.#discover(signal);
    return this.#found;
  }

  /** Undefined: the plain 2.1 of a cloud without microversions. */
  async microversion(signal: AbortSignal | undefined): Promise<Microversion | undefined> {
    const { microversion } = await retry(() => this.location(signal), {
      policy: patience,
      clock: this.#session.clock,
      signal,
      judge,
    });
    return microversion;
  }

  /** The versioned address is always at /v2.1 of the root, whether or not the catalogue says so; a legacy cloud has only /v2. */
  async #discover(signal: AbortSignal | undefined): Promise<NovaLocation> {
    const session = this.#session;
    const parts = await session.endpoint('compute', signal);
    const body = await this.#versionDocument(parts, signal);
    const version = body?.optionalChild('version') ?? null;
    if (version === null) {
      session.log.warn('Nova does not tell its versions; it is spoken to in the oldest', {
        cloud: session.cloudName,
      });
      return location(parts, parts.version ?? 'v2.1', undefined);
    }
    const microversion = negotiate(version.text('min_version'), version.text('version'));
    return location(parts, 'v2.1', microversion);
  }

  async #versionDocument(
    { root }: EndpointParts,
    signal: AbortSignal | undefined,
  ): Promise<Fields | undefined> {
    const session = this.#session;
    const attempt = 'tell its versions';
    for (let first = true; ; first = false) {
      const { value } = await session.token(signal);
      const answer = await session.http
        .fetch({
          method: 'GET',
          url: `${root}/v2.1/`,
          headers: { 'X-Auth-Token': value, Accept: 'application/json' },
          signal,
        })
        .catch((error: unknown) => {
          throw error instanceof ConnectionFailed
            ? passing(error, `ask Nova to ${attempt}`)
            : error;
        });
      if (answer.status === 200) {
        return new Fields(parseJson(answer.text), 'The version document of Nova');
      }
      if (answer.status === 401 && first) session.reject(value);
      else if ([401, 403, 404].includes(answer.status)) return undefined;
      else throw errorOf(refusalOf('Nova', attempt, answer));
    }
  }
}

function location(
  { root, projectPath }: EndpointParts,
  version: string,
  microversion: Microversion | undefined,
): NovaLocation {
  return {
    url: `${root}/${version}${projectPath}`,
    headers: headersFor(microversion),
    microversion,
  };
}
