import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Http } from '../../../lib/http/http.ts';
import { silentLog } from '../../../lib/log.ts';
import { AuthenticationFailed, EndpointNotFound } from '../../../lib/openstack/errors.ts';
import { Session } from '../../../lib/openstack/session.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { recorded } from './recorded.ts';
import { cloudsOfThisFile } from './scripted-cloud.ts';
import type { Call, Reply } from './scripted-cloud.ts';

const LOGIN = 'POST /identity/v3/auth/tokens';
const NETWORKS = 'GET /network/v2.0/networks';

const start = cloudsOfThisFile();

/** A login that gives the tokens `token-1`, `token-2`, … */
function logins() {
  let count = 0;
  const { headers, status, body } = recorded('auth-appcred-201');
  return {
    count: () => count,
    reply: ({ headers: { host } }: Call, response: ServerResponse) => {
      count += 1;
      const text = JSON.stringify(body)
        .replaceAll('http://127.0.0.1:19696', `http://${String(host)}/network`)
        .replaceAll('http://127.0.0.1:19292', `http://${String(host)}/image`);
      response.writeHead(status, { ...headers, 'X-Subject-Token': `token-${String(count)}` });
      response.end(text);
    },
  };
}

/** Accepts one token and answers 401, as Neutron did, to any other. */
function only(token: () => string, name: string): Reply {
  return (call, response) => {
    const { status, headers, body } =
      call.headers['x-auth-token'] === token() ? recorded(name) : recorded('neutron-bad-token-401');
    response.writeHead(status, headers).end(JSON.stringify(body));
  };
}

describe('login', () => {
  it('sends nothing before the first call, then id and secret without a scope', async () => {
    const { openstack, calls } = await start();
    expect(calls).toEqual([]);

    await openstack.identity();

    expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual([LOGIN]);
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: { id: 'the-id', secret: 'the-secret' },
        },
      },
    });
  });

  it('shows no secret where a session is printed', async () => {
    const { config } = await start();
    const clock = new VirtualClock();
    const session = new Session({ config, http: new Http(), clock, log: silentLog });

    const { value } = await session.token(undefined);

    const printed = inspect(session, { depth: 9, showHidden: true }) + JSON.stringify(session);
    expect(printed).toContain('Session');
    expect(printed).not.toContain('the-secret');
    expect(printed).not.toContain(value);
  });

  it('tells who and where one is', async () => {
    const { openstack, url } = await start();

    expect(await openstack.identity()).toEqual({
      cloud: `${new URL(url).host}/identity`,
      region: 'RegionOne',
      projectId: '4e7e58adad6b4c01ae002f3ecbe57f26',
      projectName: 'backup-lab',
      userId: '5ecdfccce1d64cb0be7630d12443e363',
    });
  });

  it('sends a password with the scope of a project', async () => {
    const user = { name: 'me', domain: { id: 'default' } };
    const project = { name: 'ours', domain: { name: 'Company' } };
    const { openstack, calls } = await start(
      {},
      { config: { credentials: { method: 'password', user, password: 'word', project } } },
    );

    await openstack.identity();

    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({
      auth: {
        identity: { methods: ['password'], password: { user: { ...user, password: 'word' } } },
        scope: { project },
      },
    });
  });

  it.each([
    ['auth-appcred-unknown-id', /knows no such application credential the-id/],
    ['auth-appcred-wrong-secret-401', /rejects the secret of the application credential the-id/],
    ['auth-malformed-400', /refuses to authenticate \(400\)/],
  ])(
    'says what is wrong with the credentials (%s), once, and not the secret',
    async (name, words) => {
      const { openstack, asked } = await start({ [LOGIN]: recorded(name) });

      const error: unknown = await openstack.identity().catch((error: unknown) => error);

      expect(error).toBeInstanceOf(AuthenticationFailed);
      expect(String(error)).toMatch(words);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('the-secret');
      expect(asked(LOGIN)).toHaveLength(1);
    },
  );

  it.each([201, 401, 403, 404, 405, 501])(
    'says that something else than Keystone answers %i',
    async (status) => {
      const page = { status, headers: {}, body: '<html>Log in</html>' };
      const { openstack } = await start({ [LOGIN]: page });

      await expect(openstack.identity()).rejects.toMatchObject({
        name: 'UnexpectedAnswer',
        message: expect.stringMatching(/is not (a )?Keystone/) as string,
      });
    },
  );

  it('tries again while Keystone is out of order', async () => {
    const down = { status: 503, headers: {}, body: 'down' };
    const { openstack, asked } = await start({
      [LOGIN]: [down, down, recorded('auth-appcred-201')],
    });

    await openstack.identity();

    expect(asked(LOGIN)).toHaveLength(3);
  });

  it('names a cloud that cannot be reached', async () => {
    const { openstack, close } = await start();
    await close();

    await expect(openstack.identity()).rejects.toMatchObject({
      name: 'OpenStackUnavailable',
      message: expect.stringMatching(
        /authenticate in the cloud "test": POST http:.*\/v3\/auth\/tokens: ECONNREFUSED/,
      ) as string,
    });
  });
});

describe('token', () => {
  it('is renewed shortly before it expires, and not before', async () => {
    const clock = new VirtualClock({ automatic: false });
    const { reply, count } = logins();
    const { openstack } = await start({ [LOGIN]: reply }, { clock });
    const minutes = 60_000;

    // The recorded one lives four hours.
    await openstack.identity();
    await clock.advance(234 * minutes);
    await openstack.identity();
    expect(count()).toBe(1);

    await clock.advance(2 * minutes);
    await openstack.identity();
    expect(count()).toBe(2);
  });

  it('is replaced when a service rejects it in the middle of a run, and the call made again', async () => {
    const { reply, count } = logins();
    let valid = 'token-1';
    const { openstack } = await start({
      [LOGIN]: reply,
      [NETWORKS]: only(() => valid, 'neutron-networks'),
    });
    await openstack.network.networks();

    valid = 'token-2';

    expect(await openstack.network.networks()).toHaveLength(1);
    expect(count()).toBe(2);
  });

  it('is replaced once for all calls that find it rejected', async () => {
    const { reply, count } = logins();
    let valid = 'token-1';
    const { openstack, asked } = await start({
      [LOGIN]: reply,
      [NETWORKS]: only(() => valid, 'neutron-networks'),
    });
    await openstack.network.networks();

    valid = 'token-2';
    await Promise.all(Array.from({ length: 8 }, () => openstack.network.networks()));

    expect(count()).toBe(2);
    expect(asked(NETWORKS)).toHaveLength(1 + 8 + 8);
  });

  it('is given up when a fresh one is rejected too', async () => {
    const { reply, count } = logins();
    const { openstack } = await start({
      [LOGIN]: reply,
      'GET /image/v2/images': recorded('glance-bad-token-401'),
    });

    const images = openstack.images.list()[Symbol.asyncIterator]();

    await expect(images.next()).rejects.toThrow(AuthenticationFailed);
    expect(count()).toBe(2);
  });

  it('is asked for once by callers at one time, and goes on when one of them leaves', async () => {
    const release = Promise.withResolvers<void>();
    const { reply, count } = logins();
    const { openstack, asked } = await start({
      [LOGIN]: (call, response) => {
        void release.promise.then(() => reply(call, response));
      },
    });
    const leaving = new AbortController();
    const reason = new Error('leaving');

    const left = openstack.identity({ signal: leaving.signal });
    const stayed = openstack.identity();
    await expect.poll(() => asked(LOGIN).length).toBe(1);
    leaving.abort(reason);
    await expect(left).rejects.toBe(reason);
    release.resolve();

    expect((await stayed).projectName).toBe('backup-lab');
    expect(count()).toBe(1);
  });

  it('and every call under way ends with the session', async () => {
    const ended = new AbortController();
    const { openstack } = await start({ [NETWORKS]: () => {} }, { signal: ended.signal });
    const reason = new Error('over');

    const call = openstack.network.networks();
    await openstack.identity();
    ended.abort(reason);

    await expect(call).rejects.toBe(reason);
    await expect(openstack.identity()).rejects.toBe(reason);
  });
});

describe('endpoints', () => {
  it('are those of the wanted region and interface, wherever they stand in the catalogue', async () => {
    const catalogue = ['north', 'south', 'west'].flatMap((region) =>
      ['admin', 'internal', 'public'].map((at) => ({
        region_id: region,
        interface: at,
        url: `http://HOST/${region}-${at}`,
      })),
    );
    const login: Reply = ({ headers }, response) => {
      const { status, headers: recordedHeaders, body } = recorded('auth-appcred-201');
      const token = {
        ...(body as { token: object }).token,
        catalog: [{ type: 'network', endpoints: catalogue }],
      };
      response.writeHead(status, recordedHeaders);
      response.end(JSON.stringify({ token }).replaceAll('HOST', String(headers.host)));
    };
    const cloud = await start({
      [LOGIN]: login,
      'GET /south-internal/v2.0/networks': recorded('neutron-networks'),
    });

    const south = cloud.connect({ config: { region: 'south', interface: 'internal' } });
    expect(await south.network.networks()).toHaveLength(1);

    const nowhere = cloud.connect({ config: { region: 'East' } });
    await expect(nowhere.network.networks()).rejects.toThrow(EndpointNotFound);
    await expect(nowhere.network.networks()).rejects.toThrow(/north \(admin\).*west \(public\)/);
    await expect(nowhere.images.show('x')).rejects.toThrow('has no image service');
  });

  it('may be overridden', async () => {
    const { url, connect } = await start({
      'GET /elsewhere/v2.0/networks': recorded('neutron-networks'),
    });
    const openstack = connect({ config: { endpointOverrides: { network: `${url}/elsewhere/` } } });

    expect(await openstack.network.networks()).toHaveLength(1);
  });
});
