import type { Answer, Call } from '../http/call.ts';
import type { CloudState } from '../state.ts';

const updated = '2013-07-23T11:33:21Z';

/** `GET /`, which needs no token: what an endpoint without a version leads to. */
export function showVersions(state: CloudState): Answer {
  const base = state.endpoints.compute;
  const v20 = {
    id: 'v2.0',
    status: 'SUPPORTED',
    version: '',
    min_version: '',
    updated: '2011-01-21T11:33:21Z',
    links: [{ rel: 'self', href: `${base}/v2/` }],
  };
  const v21 = { ...current(state), links: [{ rel: 'self', href: `${base}/v2.1/` }] };
  return { status: 200, json: { versions: [v20, v21] } };
}

export function showVersion(state: CloudState): Answer {
  const links = [
    { rel: 'self', href: `${state.endpoints.compute}/v2.1/` },
    { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
  ];
  const type = 'application/vnd.openstack.compute+json;version=2.1';
  const mediaTypes = [{ base: 'application/json', type }];
  return {
    status: 200,
    json: { version: { ...current(state), links, 'media-types': mediaTypes } },
  };
}

const current = (state: CloudState) => ({
  id: 'v2.1',
  status: 'CURRENT',
  version: state.settings.maxMicroversion,
  min_version: '2.1',
  updated,
});

export function showZones(): Answer {
  const zone = { zoneName: 'nova', zoneState: { available: true }, hosts: null };
  return { status: 200, json: { availabilityZoneInfo: [zone] } };
}

/** Nothing is limited but images; the numbers are a default installation's. */
export function showLimits(state: CloudState, call: Call): Answer {
  const own = [...state.servers.values()].filter((each) => each.projectId === call.project.id);
  const absolute = {
    maxTotalInstances: 10,
    maxTotalCores: 20,
    maxTotalRAMSize: 51200,
    maxServerMeta: 128,
    ...(call.microversion < 39 ? { maxImageMeta: 128 } : {}),
    ...(call.microversion < 57 ? { maxPersonality: 5, maxPersonalitySize: 10240 } : {}),
    maxTotalKeypairs: 100,
    maxServerGroups: 10,
    maxServerGroupMembers: 10,
    ...(call.microversion < 36
      ? { maxTotalFloatingIps: -1, maxSecurityGroups: -1, maxSecurityGroupRules: -1 }
      : {}),
    totalRAMUsed: own.reduce((sum, { flavor }) => sum + flavor.ramMib, 0),
    totalCoresUsed: own.reduce((sum, { flavor }) => sum + flavor.vcpus, 0),
    totalInstancesUsed: own.length,
    ...(call.microversion < 36 ? { totalFloatingIpsUsed: 0, totalSecurityGroupsUsed: 0 } : {}),
    totalServerGroupsUsed: 0,
  };
  return { status: 200, json: { limits: { rate: [], absolute } } };
}
