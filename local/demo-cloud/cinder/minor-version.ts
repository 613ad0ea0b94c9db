import { type Call, header } from '../http/call.ts';

/** The minor number of 3.x that the request asks for; without a header it is 3.0. */
export function minorVersion(call: Call): number {
  const [, minor] = /volume\s+3\.(\d+)/.exec(header(call, 'openstack-api-version') ?? '') ?? [];
  return Number(minor ?? 0);
}
