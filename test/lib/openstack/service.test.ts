import { describe, expect, it } from 'vitest';
import { OpenStackUnavailable } from '../../../lib/openstack/errors.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { recorded } from './recorded.ts';
import { cloudsOfThisFile } from './scripted-cloud.ts';

const SERVER = '5430195d-39bd-4628-9852-e24d9dfa789c';
const PATH = `/compute/v2.1/servers/${SERVER}`;

const start = cloudsOfThisFile();

describe('versions of Nova', () => {
  it.each([
    ['/compute/v2.1', '/compute/v2.1/servers/x', 'compute 2.93'],
    [
      '/compute/v2.1/4e7e58adad6b4c01ae002f3ecbe57f26',
      '/compute/v2.1/4e7e58adad6b4c01ae002f3ecbe57f26/servers/x',
      'compute 2.93',
    ],
    ['/compute', '/compute/v2.1/servers/x', 'compute 2.93'],
    [
      '/compute/v2/4e7e58adad6b4c01ae002f3ecbe57f26',
      '/compute/v2.1/4e7e58adad6b4c01ae002f3ecbe57f26/servers/x',
      'compute 2.93',
    ],
    [
      '/old/v2/4e7e58adad6b4c01ae002f3ecbe57f26',
      '/old/v2/4e7e58adad6b4c01ae002f3ecbe57f26/servers/x',
      undefined,
    ],
  ])('an endpoint %s is called at %s with %s', async (endpoint, path, version) => {
    const cloud = await start({
      'GET /old/v2.1/': { status: 404, headers: {}, body: 'x' },
      [`GET ${path}`]: { server: { id: 'x', name: 'x' } },
    });
    const compute = cloud.url + endpoint;
    const openstack = cloud.connect({ config: { endpointOverrides: { compute } } });

    await openstack.servers.show('x');

    expect(cloud.asked(`GET ${path}`)[0]?.headers['openstack-api-version']).toBe(version);
  });

  it('does not ask for more than a Nova has, nor for less than it still has', async () => {
    for (const [min_version, version, spoken] of [
      ['2.1', '2.60', 'compute 2.60'],
      ['2.1', '2.100', 'compute 2.93'],
      ['2.95', '2.100', 'compute 2.95'],
    ]) {
      const { openstack, asked } = await start({
        'GET /compute/v2.1/': { version: { id: 'v2.1', version, min_version } },
        'GET /compute/v2.1/servers/x': { server: { id: 'x', name: 'x' } },
      });
      await openstack.servers.show('x');
      const [call] = asked('GET /compute/v2.1/servers/x');
      expect(call?.headers['openstack-api-version']).toBe(spoken);
    }
  });
});

describe('patience', () => {
  it('waits as long as Nova says, then goes on', async () => {
    const clock = new VirtualClock();
    const limited = { status: 429, headers: { 'Retry-After': '20' }, body: 'slow down' };
    const { openstack } = await start(
      { [`GET ${PATH}`]: [limited, limited, recorded('server-show-active-2.93')] },
      { clock },
    );

    expect((await openstack.servers.show(SERVER)).name).toBe('lab-src');
    expect(clock.elapsedMilliseconds).toBeGreaterThanOrEqual(40_000);
  });

  it('does not wait longer than a call may take', async () => {
    const clock = new VirtualClock();
    const limited = { status: 429, headers: { 'Retry-After': '3600' }, body: 'slow down' };
    const { openstack } = await start({ [`GET ${PATH}`]: limited }, { clock });

    await expect(openstack.servers.show(SERVER)).rejects.toMatchObject({
      name: 'TooManyRequests',
      retryAfterMs: 3_600_000,
    });
    expect(clock.elapsedMilliseconds).toBe(0);
  });

  it('ends', async () => {
    const { openstack, asked } = await start({
      [`GET ${PATH}`]: { status: 502, headers: {}, body: '<h1>Bad Gateway</h1>' },
    });

    await expect(openstack.servers.show(SERVER)).rejects.toThrow(OpenStackUnavailable);
    expect(asked(`GET ${PATH}`)).toHaveLength(6);
  });

  it('is not spent on a redirect, which is named', async () => {
    const { openstack, asked } = await start({
      [`GET ${PATH}`]: { status: 301, headers: { Location: 'https://x/' }, body: '' },
    });

    await expect(openstack.servers.show(SERVER)).rejects.toThrow(/it redirects/);
    expect(asked(`GET ${PATH}`)).toHaveLength(1);
  });
});
