import type { Random } from '../lib/disk/support/random.ts';
import type { ProxyFault } from './fault-proxy.ts';

const passing: readonly (readonly [weight: number, (random: Random) => ProxyFault])[] = [
  [3, () => ({ kind: 'answer', effect: false, status: 503, code: 'SlowDown' })],
  [1, () => ({ kind: 'answer', effect: false, status: 500, code: 'InternalError' })],
  [3, () => ({ kind: 'answer', effect: true, status: 500, code: 'InternalError' })],
  [1, () => ({ kind: 'answer', effect: false, status: 409, code: 'OperationAborted' })],
  [1, () => ({ kind: 'page', effect: false, status: 502, body: '<html>Bad Gateway' })],
  [1, () => ({ kind: 'page', effect: false, status: 200, body: '<html>Please log in' })],
  [2, () => ({ kind: 'reset', effect: false })],
  [3, () => ({ kind: 'reset', effect: true })],
  [2, (random) => ({ kind: 'cut request', share: random.word() / 2 ** 32 })],
  [3, (random) => ({ kind: 'cut answer', share: random.word() / 2 ** 32 })],
  [3, () => ({ kind: 'twice' })],
  [1, () => ({ kind: 'answered twice' })],
  // The client takes the clock that the answer tells: the next request is really an hour off.
  [1, (random) => skewed(random.pick([0, 3600, -3600]))],
];
const drawn = passing.flatMap(([weight, fault]) => Array<typeof fault>(weight).fill(fault));

/** A fault after which the same request succeeds, some more often than others. */
export function passingFault(random: Random): ProxyFault {
  return random.pick(drawn)(random);
}

function skewed(clockOffsetSeconds: number): ProxyFault {
  const code = 'RequestTimeTooSkewed';
  return { kind: 'answer', effect: false, status: 403, code, clockOffsetSeconds };
}
