import { createHash } from 'node:crypto';

import type { CloudState, ServiceType } from '../state.ts';

const names: Record<ServiceType | 'placement', string> = {
  volumev3: 'cinderv3',
  network: 'neutron',
  compute: 'nova',
  placement: 'placement',
  identity: 'keystone',
  image: 'glance',
};

/** Where nothing listens. */
const nobody = 'http://127.0.0.1:1';

/** The catalog as tokens carry it: regions that answer nobody first, the real one last. Placement, which no client needs, is only named. */
export function catalogOf(state: CloudState, projectId: string) {
  const { region, otherRegions, interfaces, without } = state.settings.catalog;
  const types = Object.keys(names) as (keyof typeof names)[];
  return types
    .filter((type) => !without.some((left) => left === type))
    .map((type) => {
      const path = pathOf(state, type, projectId);
      const elsewhere = otherRegions.flatMap((name) =>
        (['admin', 'internal', 'public'] as const).map((each) =>
          endpoint(type, each, name, `${nobody}${path}`),
        ),
      );
      const base = type === 'placement' ? nobody : state.endpoints[type];
      const here = interfaces.map((each) => endpoint(type, each, region, `${base}${path}`));
      const endpoints = [...elsewhere, ...here];
      return { endpoints, id: idOf(type), type, name: names[type] };
    });
}

function endpoint(type: string, each: string, region: string, url: string) {
  return { id: idOf(`${type}${each}${region}`), interface: each, region_id: region, url, region };
}

function pathOf(state: CloudState, type: keyof typeof names, projectId: string): string {
  const usual: Record<keyof typeof names, string> = {
    placement: '',
    identity: '/v3',
    compute: '/v2.1',
    image: '',
    network: '',
    volumev3: `/v3/${projectId}`,
  };
  return { ...usual, ...state.settings.catalog.paths }[type];
}

const idOf = (what: string): string => createHash('md5').update(what).digest('hex');
