import type { Answer, Call } from '../http/call.ts';
import { header } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';

/** The minor number of 2.x that the request asks for; without a header it is 2.1. */
export function microversionOf(call: Pick<Call, 'incoming'>, newest: string): number {
  const asked = askedFor(call as Call);
  const newestMinor = Number(newest.split('.')[1]);
  if (asked === undefined) return 1;
  if (asked === 'latest') return newestMinor;
  const [, minor] = /^2\.(\d+)$/.exec(asked) ?? [];
  if (minor === undefined) {
    const message = `API Version String ${asked} is of invalid format. Must be of format MajorNum.MinorNum.`;
    throw new Refusal(400, message);
  }
  if (Number(minor) < 1 || Number(minor) > newestMinor) {
    const message = `Version ${asked} is not supported by the API. Minimum is 2.1 and maximum is ${newest}.`;
    throw new Refusal(406, message);
  }
  return Number(minor);
}

function askedFor(call: Call): string | undefined {
  const [, compute] =
    /(?:^|,)\s*compute\s+([^,\s]+)/.exec(header(call, 'openstack-api-version') ?? '') ?? [];
  return compute ?? header(call, 'x-openstack-nova-api-version');
}

/** What every answer of Nova's carries; a microversion that was refused is repeated as it was asked for. */
export function withMicroversion(answer: Answer, call: Call): Answer {
  const version = call.microversion === 0 ? (askedFor(call) ?? '2.1') : `2.${call.microversion}`;
  return {
    ...answer,
    headers: {
      'Openstack-Api-Version': `compute ${version}`,
      'X-Openstack-Nova-Api-Version': version,
      Vary: ['OpenStack-API-Version', 'X-OpenStack-Nova-API-Version'],
      'X-Compute-Request-Id': call.requestId,
      ...answer.headers,
    },
  };
}
