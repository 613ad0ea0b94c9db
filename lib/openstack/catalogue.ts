import type { EndpointInterface, ServiceType } from './cloud-config.ts';
import { EndpointNotFound } from './errors.ts';

export interface CatalogueService {
  readonly type: string;
  readonly endpoints: readonly CatalogueEndpoint[];
}

export interface CatalogueEndpoint {
  readonly interface: string;
  readonly region: string;
  readonly url: string;
}

/** The names under which clouds list a service, the official one first (service-types-authority). */
const ALIASES: Record<ServiceType, readonly string[]> = {
  compute: ['compute'],
  image: ['image'],
  network: ['network'],
  'block-storage': ['block-storage', 'block-store', 'volumev3', 'volume'],
};

/**
 * The endpoint of a service for one interface and region. Without a region the catalogue must leave no choice. Throws
 * `EndpointNotFound`, which lists what there is.
 */
export function findEndpoint(
  catalogue: readonly CatalogueService[],
  type: ServiceType,
  wanted: { interface: EndpointInterface; region: string | undefined },
): CatalogueEndpoint {
  const endpoints = ALIASES[type].flatMap((alias) =>
    catalogue.filter((service) => service.type === alias).flatMap((service) => service.endpoints),
  );
  const reachable = endpoints.filter((endpoint) => endpoint.interface === wanted.interface);
  const regions = [...new Set(reachable.map(({ region }) => region))];
  const region = wanted.region ?? (regions.length === 1 ? regions[0] : undefined);
  const found = reachable.find((endpoint) => endpoint.region === region);
  if (found !== undefined) return found;
  if (endpoints.length === 0) {
    throw new EndpointNotFound(`The catalogue of Keystone has no ${type} service.`);
  }
  const offered = [
    ...new Set(endpoints.map((endpoint) => `${endpoint.region} (${endpoint.interface})`)),
  ].join(', ');
  throw new EndpointNotFound(
    wanted.region === undefined && regions.length > 1
      ? `The ${type} service is in several regions: set OS_REGION_NAME (region_name in clouds.yaml) to one of ${regions.join(', ')}.`
      : `The catalogue of Keystone has no ${wanted.interface} endpoint of the ${type} service in region "${wanted.region ?? ''}"; it has ${offered}.`,
  );
}

/** An endpoint's URL taken apart: clouds give it with or without version and project. */
export interface EndpointParts {
  /** Without a slash at its end. */
  readonly root: string;
  /** `v2.1`, … when the URL names one. */
  readonly version: string | undefined;
  /** `/<project>` when the URL ends with the project's id, else empty. */
  readonly projectPath: string;
}

export function endpointParts(url: string, projectId: string): EndpointParts {
  if (!URL.canParse(url)) throw new EndpointNotFound(`The endpoint "${url}" is not a URL.`);
  const { origin, pathname } = new URL(url);
  const segments = pathname.split('/').filter((segment) => segment !== '');
  const hasProject = segments.at(-1)?.endsWith(projectId) === true;
  const projectPath = hasProject ? `/${String(segments.pop())}` : '';
  const version = /^v\d+(\.\d+)?$/.test(segments.at(-1) ?? '') ? segments.pop() : undefined;
  return { root: [origin, ...segments].join('/'), version, projectPath };
}
