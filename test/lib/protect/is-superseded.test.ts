import { describe, expect, it } from 'vitest';
import type { Image } from '../../../lib/openstack/image.ts';
import type { InstanceAction } from '../../../lib/openstack/server.ts';
import { isSuperseded } from '../../../lib/protect/is-superseded.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
const action = (requestId: string, seconds: number, kind = 'createImage'): InstanceAction => ({
  action: kind,
  requestId,
  failed: false,
  message: null,
  startedAt: at(seconds),
  updatedAt: null,
  events: [],
});
const image = { createdAt: at(100) } as Image;

describe('a snapshot of which the request is known is superseded', () => {
  it.each([
    ['not by those before it', [action('ours', 101), action('older', 99)], false],
    ['by a snapshot after it', [action('newer', 101), action('ours', 101)], true],
    ['by a backup of Nova after it', [action('b', 102, 'createBackup'), action('ours', 101)], true],
    ['not by what needs no idle server', [action('l', 102, 'lock'), action('ours', 101)], false],
  ])('%s', (_, actions, superseded) => {
    expect(isSuperseded('ours', image, actions)).toBe(superseded);
  });
});

describe('a snapshot of which the request is not known is superseded', () => {
  it.each([
    ['not where nothing is known', [], false],
    ['not by the one since it was made, which may be its own', [action('a', 101)], false],
    ['not by those long before', [action('a', 101), action('b', 89)], false],
    ['by a second one since, clocks differing', [action('b', 131), action('a', 91)], true],
  ])('%s', (_, actions, superseded) => {
    expect(isSuperseded(null, image, actions)).toBe(superseded);
    expect(isSuperseded('not among them', image, actions)).toBe(superseded);
  });

  it('never where Glance does not say when it was made', () => {
    const actions = [action('b', 131), action('a', 101)];

    expect(isSuperseded(null, { ...image, createdAt: null }, actions)).toBe(false);
  });
});
