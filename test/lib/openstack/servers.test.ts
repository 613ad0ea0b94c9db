import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../lib/errors.ts';
import {
  Forbidden,
  OpenStackUnavailable,
  QuotaExceeded,
  RequestRefused,
  ServerBusy,
  ServerInWrongState,
  ServerNotFound,
  TooManyRequests,
  UnexpectedAnswer,
} from '../../../lib/openstack/errors.ts';
import { recorded } from './recorded.ts';
import { all, cloudsOfThisFile } from './scripted-cloud.ts';
import type { Call, Reply } from './scripted-cloud.ts';

const SERVER = '5430195d-39bd-4628-9852-e24d9dfa789c';
const PATH = `/compute/v2.1/servers/${SERVER}`;
const DETAIL = 'GET /compute/v2.1/servers/detail';
const ACTION = `POST ${PATH}/action`;
const snapshot = { name: 'snap', metadata: { snapbank: 'c1' } };

const start = cloudsOfThisFile();

/** A Nova that offers microversions up to this one. */
function nova(version: string): Record<string, Reply> {
  return { 'GET /compute/v2.1/': { version: { id: 'v2.1', version, min_version: '2.1' } } };
}

function page(ids: string[], next?: string): object {
  const servers = ids.map((id) => ({ id, name: id }));
  if (next === undefined) return { servers };
  return { servers, servers_links: [{ rel: 'next', href: `http://internal/x?marker=${next}` }] };
}

describe('show', () => {
  it('reads everything that a backup keeps', async () => {
    const { openstack, asked } = await start({
      [`GET ${PATH}`]: recorded('server-show-with-volume'),
    });

    const server = await openstack.servers.show(SERVER);

    expect(server).toMatchObject({
      id: SERVER,
      name: 'lab-src',
      status: 'ACTIVE',
      vmState: 'active',
      taskState: null,
      imageId: 'ad86123b-e00e-44a5-aa3f-ad9cc69796c7',
      incomplete: false,
      flavor: { id: null, name: 'lab.tiny', vcpus: 1, ramMiB: 96, diskGiB: 1, extraSpecs: {} },
      metadata: { purpose: 'backup test' },
      description: 'source',
      hostname: 'lab-src',
      configDrive: false,
      projectId: '4e7e58adad6b4c01ae002f3ecbe57f26',
      createdAt: '2026-11-23T16:20:41Z',
      launchedAt: '2026-11-23T16:20:42.000000Z',
      attachedVolumeIds: ['638ccdb0-e37d-4901-a977-3f71974cdfe1'],
      fault: null,
    });
    expect(server).not.toHaveProperty('userData');
    expect(asked(`GET ${PATH}`)[0]?.headers).toMatchObject({
      'openstack-api-version': 'compute 2.93',
      'x-openstack-nova-api-version': '2.93',
    });
  });

  it('reads what the oldest Nova shows', async () => {
    const { openstack } = await start({ [`GET ${PATH}`]: recorded('server-show-active-2.1') });

    expect(await openstack.servers.show(SERVER)).toMatchObject({
      flavor: { id: '102', name: null, vcpus: null, ramMiB: null, extraSpecs: null },
      tags: [],
      description: null,
      locked: false,
    });
  });

  it('tells a server that boots from a volume by its lack of an image', async () => {
    const { openstack } = await start({
      [`GET ${PATH}`]: recorded('server-show-volume-boot-2.93'),
    });

    expect(await openstack.servers.show(SERVER)).toMatchObject({
      imageId: null,
      incomplete: false,
    });
  });

  it('shows what only administrators see, and faults', async () => {
    const { openstack } = await start({
      [`GET ${PATH}`]: {
        server: {
          id: SERVER,
          name: 'x',
          status: 'ERROR',
          'OS-EXT-SRV-ATTR:user_data': null,
          'OS-EXT-SRV-ATTR:root_device_name': '/dev/vda',
          config_drive: 'True',
          server_groups: ['group'],
          fault: { code: 500, message: 'No valid host', created: '2026-11-23T16:20:41Z' },
          addresses: {
            net: [
              { addr: 'fd00::5', version: 6, 'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:01' },
              { addr: '1.2.3.4', version: 4, 'OS-EXT-IPS:type': 'floating' },
            ],
          },
        },
      },
    });

    expect(await openstack.servers.show(SERVER)).toMatchObject({
      userData: null,
      rootDeviceName: '/dev/vda',
      configDrive: true,
      serverGroupIds: ['group'],
      fault: { code: 500, message: 'No valid host' },
      addresses: {
        net: [
          { address: 'fd00::5', ipVersion: 6, type: 'fixed', macAddress: 'fa:16:3e:00:00:01' },
          { address: '1.2.3.4', ipVersion: 4, type: 'floating', macAddress: null },
        ],
      },
    });
  });

  it('says which server there is not', async () => {
    const { openstack } = await start({ [`GET ${PATH}`]: recorded('server-show-404') });

    const error: unknown = await openstack.servers.show(SERVER).catch((error: unknown) => error);

    expect(error).toBeInstanceOf(ServerNotFound);
    expect(error).toMatchObject({ identifiers: { serverId: SERVER } });
    expect(String(error)).toMatch(/show server 5430195d.*could not be found\. \(req-/);
  });
});

describe('list', () => {
  it('follows the pages to their end, by the marker alone', async () => {
    const pages = [
      recorded('servers-detail-limit1-page1'),
      recorded('servers-detail-limit1-page2'),
      recorded('servers-detail-limit1-last'),
    ];
    const { openstack, asked } = await start({ [DETAIL]: pages });

    const servers = await all(openstack.servers.list());

    const [first, second] = servers.map(({ id }) => id);
    expect(servers).toHaveLength(2);
    expect(asked(DETAIL).map(({ query }) => query.get('marker'))).toEqual([null, first, second]);
  });

  it('reads servers of both kinds of boot, as any version shows them', async () => {
    for (const version of ['2.1', '2.93']) {
      const { openstack } = await start({
        [DETAIL]: recorded(`servers-detail-with-volume-boot-${version}`),
      });
      const servers = await all(openstack.servers.list());
      expect(servers.filter(({ imageId }) => imageId === null).map(({ name }) => name)).toEqual([
        'lab-volboot',
      ]);
    }
  });

  it('begins again when the server at the edge of a page is deleted meanwhile, and repeats none', async () => {
    const { openstack, asked } = await start({
      [DETAIL]: [
        page(['a', 'b'], 'b'),
        recorded('servers-detail-bad-marker-400'),
        page(['a', 'c'], 'c'),
        page(['d']),
      ],
    });

    expect((await all(openstack.servers.list())).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
    expect(asked(DETAIL)).toHaveLength(4);
  });

  it('does not go round in circles', async () => {
    const circle = {
      servers: [{ id: 'a', name: 'a' }],
      servers_links: [{ rel: 'next', href: 'http://x/y?marker=a' }],
    };
    const { openstack } = await start({ [DETAIL]: circle });

    await expect(all(openstack.servers.list())).rejects.toThrow(UnexpectedAnswer);
  });

  it('marks the skeletons that Nova lists while a cell is down', async () => {
    const skeleton = {
      id: 'a',
      status: 'UNKNOWN',
      created: '2026-01-01T00:00:00Z',
      tenant_id: 'p',
    };
    const { openstack } = await start({ [DETAIL]: { servers: [skeleton] } });

    expect(await all(openstack.servers.list())).toMatchObject([
      { id: 'a', name: '', status: 'UNKNOWN', incomplete: true, imageId: null, projectId: 'p' },
    ]);
    expect(await all(openstack.servers.list({ names: ['a'] }))).toEqual([]);
  });

  it('lets Nova choose by tags, and checks what it chose', async () => {
    const { openstack, asked } = await start({
      [DETAIL]: {
        servers: [
          { id: 'a', name: 'a', tags: ['daily', 'web', 'x'] },
          { id: 'b', name: 'b', tags: ['daily'] },
        ],
      },
    });

    const servers = await all(openstack.servers.list({ tags: ['daily', 'web'] }));

    expect(servers.map(({ id }) => id)).toEqual(['a']);
    expect(asked(DETAIL)[0]?.query.get('tags')).toBe('daily,web');
  });

  it('does not take a cloud without tags for one without tagged servers', async () => {
    const { openstack } = await start({ ...nova('2.25') });

    await expect(all(openstack.servers.list({ tags: ['daily'] }))).rejects.toThrow(InvalidInput);
    await expect(all(openstack.servers.list({ tags: ['daily'] }))).rejects.toThrow(
      /speaks 2\.25, and tags came with 2\.26/,
    );
  });

  it('chooses by whole names, and by ids of which it leaves out the unknown', async () => {
    const { openstack } = await start({
      [DETAIL]: {
        servers: [
          { id: 'a', name: 'web' },
          { id: 'b', name: 'web-2' },
        ],
      },
      'GET /compute/v2.1/servers/a': { server: { id: 'a', name: 'web' } },
      'GET /compute/v2.1/servers/z': recorded('server-show-404'),
    });

    expect((await all(openstack.servers.list({ names: ['web'] }))).map(({ id }) => id)).toEqual([
      'a',
    ]);
    const known = await all(openstack.servers.list({ ids: ['z', 'a'] }));
    expect(known.map(({ id }) => id)).toEqual(['a']);
  });

  it('asks for all projects, which members may not', async () => {
    const { openstack, asked } = await start({
      [DETAIL]: recorded('servers-detail-all-tenants-member'),
    });

    await expect(all(openstack.servers.list({ allProjects: true }))).rejects.toThrow(Forbidden);
    expect(asked(DETAIL)[0]?.query.get('all_tenants')).toBe('1');
  });
});

describe('createImage', () => {
  it('gives the image and the request by which the action is found', async () => {
    const { openstack, asked } = await start({ [ACTION]: recorded('createimage-202') });

    expect(await openstack.servers.createImage(SERVER, snapshot)).toEqual({
      imageId: '3b1e28d7-50d4-4dab-9c2c-4c24781ad638',
      requestId: 'req-713efbc8-302a-49d1-909a-48680da9d381',
    });
    expect(JSON.parse(asked(ACTION)[0]?.body ?? '')).toEqual({ createImage: snapshot });
  });

  it('finds the image in the Location of an old Nova, double slash and all', async () => {
    const { openstack } = await start({
      ...nova('2.44'),
      [ACTION]: recorded('createimage-shutoff-202-v2.1'),
    });

    expect(await openstack.servers.createImage(SERVER, snapshot)).toMatchObject({
      imageId: '8fb3a045-95b1-4af3-b239-92655a5fbf87',
    });
  });

  it.each([
    [
      'createimage-during-snapshot',
      'server-show-task-image_snapshot',
      ServerBusy,
      /image_snapshot/,
    ],
    // The task has ended meanwhile, and the words tell.
    ['createimage-during-snapshot', 'server-show-active-2.93', ServerBusy, /snapshot_pending/],
    ['createimage-while-building', 'server-show-build', ServerBusy, /building/],
  ])('is busy: %s, %s', async (refusal, shown, kind, words) => {
    const { openstack } = await start({
      [ACTION]: recorded(refusal),
      [`GET ${PATH}`]: recorded(shown),
    });

    const snapshotting = openstack.servers.createImage(SERVER, snapshot);

    await expect(snapshotting).rejects.toThrow(kind);
    await expect(snapshotting).rejects.toThrow(words);
  });

  it('is refused for good in a wrong state', async () => {
    const message = `Cannot 'createImage' instance ${SERVER} while it is in vm_state error`;
    const { openstack } = await start({
      [ACTION]: {
        status: 409,
        headers: {},
        body: { conflictingRequest: { code: 409, message } },
      },
      [`GET ${PATH}`]: {
        server: { id: SERVER, name: 'x', status: 'ERROR', 'OS-EXT-STS:vm_state': 'error' },
      },
    });

    const snapshotting = openstack.servers.createImage(SERVER, snapshot);

    await expect(snapshotting).rejects.toThrow(ServerInWrongState);
    await expect(snapshotting).rejects.toThrow(/vm_state error.*The server is ERROR, error\./);
  });

  it.each([
    ['createimage-quota-count-full', QuotaExceeded],
    ['createimage-unknown-server-404', ServerNotFound],
    ['createimage-other-project', ServerNotFound],
    ['createimage-malformed-id', ServerNotFound],
    ['createimage-no-name-400', RequestRefused],
    ['createimage-long-name-400', RequestRefused],
    ['createimage-bad-microversion-406', RequestRefused],
  ])('%s is %o', async (refusal, kind) => {
    const { openstack, asked } = await start({ [ACTION]: recorded(refusal) });

    await expect(openstack.servers.createImage(SERVER, snapshot)).rejects.toThrow(kind);
    expect(asked(ACTION)).toHaveLength(1);
  });

  it.each([
    ['a server error', { status: 500, headers: {}, body: 'x' }, OpenStackUnavailable],
    [
      'a cut',
      (_: Call, response: { destroy: () => void }) => response.destroy(),
      OpenStackUnavailable,
    ],
    ['a rate limit', { status: 429, headers: {}, body: 'x' }, TooManyRequests],
  ])('is not repeated after %s, because an image may exist', async (_, reply, kind) => {
    const { openstack, asked } = await start({ [ACTION]: reply as Reply });

    await expect(openstack.servers.createImage(SERVER, snapshot)).rejects.toThrow(kind);
    expect(asked(ACTION)).toHaveLength(1);
  });
});

describe('actions and attachments', () => {
  it('tells that a snapshot failed', async () => {
    const { openstack } = await start({
      [`GET ${PATH}/os-instance-actions/req-1`]: recorded(
        'server-instance-action-createimage-failed',
      ),
    });

    expect(await openstack.servers.instanceAction(SERVER, 'req-1')).toMatchObject({
      action: 'createImage',
      failed: true,
      message: 'Error',
      events: [{ event: 'compute_snapshot_instance', result: 'Error', details: null }],
    });
  });

  it('knows nothing of an action that Nova knows nothing of', async () => {
    const { openstack } = await start({
      [`GET ${PATH}/os-instance-actions/req-1`]: recorded('server-show-404'),
    });

    expect(await openstack.servers.instanceAction(SERVER, 'req-1')).toBeUndefined();
  });

  it('lists what was asked of a server, the newest first', async () => {
    const { openstack, asked } = await start({
      [`GET ${PATH}/os-instance-actions`]: recorded('server-instance-actions'),
    });

    const actions = await openstack.servers.instanceActions(SERVER);

    expect(actions?.map(({ action, failed }) => [action, failed])).toEqual([
      ['createImage', true],
      ['createImage', false],
      ['create', false],
    ]);
    expect(asked(`GET ${PATH}/os-instance-actions`)[0]?.query.get('limit')).toBe('100');
  });

  it.each([403, 404])('does without the actions that Nova does not show: %i', async (status) => {
    const { openstack } = await start({
      [`GET ${PATH}/os-instance-actions`]: { status, headers: {}, body: 'x' },
      [`GET ${PATH}/os-instance-actions/req-1`]: { status, headers: {}, body: 'x' },
    });

    expect(await openstack.servers.instanceActions(SERVER)).toBeUndefined();
    expect(await openstack.servers.instanceAction(SERVER, 'req-1')).toBeUndefined();
  });

  it('lists attached volumes', async () => {
    const { openstack } = await start({
      [`GET ${PATH}/os-volume_attachments`]: recorded('server-volume-attachments-data'),
    });

    expect(await openstack.servers.volumeAttachments(SERVER)).toEqual([
      {
        volumeId: '638ccdb0-e37d-4901-a977-3f71974cdfe1',
        device: '/dev/vdb',
        deleteOnTermination: false,
        tag: null,
      },
    ]);
  });

  it('reads the console', async () => {
    const { openstack, asked } = await start({ [ACTION]: recorded('server-console-output') });

    expect(await openstack.servers.consoleOutput(SERVER, { lines: 10 })).toContain('LAB-GUEST up');
    expect(JSON.parse(asked(ACTION)[0]?.body ?? '')).toEqual({
      'os-getConsoleOutput': { length: 10 },
    });
  });

  it('deletes what is there, and takes what is not for deleted', async () => {
    const { openstack } = await start({
      [`DELETE ${PATH}`]: [recorded('server-delete-204'), recorded('server-delete-404')],
    });

    await openstack.servers.delete(SERVER);
    await openstack.servers.delete(SERVER);
  });
});

describe('create', () => {
  const POST = 'POST /compute/v2.1/servers';
  const server = {
    name: 'web',
    imageId: 'i',
    flavorId: '1',
    networks: [{ networkId: 'n', fixedIp: '10.0.0.5' }, { portId: 'p' }],
    securityGroups: ['default'],
    keyName: 'key',
    metadata: { a: 'b' },
    tags: ['daily'],
    userData: 'YQ==',
    availabilityZone: 'nova',
    description: 'd',
    hostname: 'h',
    configDrive: true,
    serverGroupId: 'g',
  };

  it('asks for everything that Nova knows', async () => {
    const { openstack, asked } = await start({ [POST]: recorded('server-create-202') });

    const created = await openstack.servers.create(server);

    expect(created).toMatchObject({ serverId: SERVER, notApplied: [] });
    expect(JSON.parse(asked(POST)[0]?.body ?? '')).toEqual({
      server: {
        name: 'web',
        imageRef: 'i',
        flavorRef: '1',
        networks: [{ uuid: 'n', fixed_ip: '10.0.0.5' }, { port: 'p' }],
        security_groups: [{ name: 'default' }],
        key_name: 'key',
        metadata: { a: 'b' },
        tags: ['daily'],
        user_data: 'YQ==',
        availability_zone: 'nova',
        description: 'd',
        hostname: 'h',
        config_drive: true,
      },
      'os:scheduler_hints': { group: 'g' },
    });
  });

  it.each([
    ['2.89', ['hostname']],
    ['2.51', ['hostname', 'tags']],
    ['2.18', ['description', 'hostname', 'tags']],
  ])('leaves out what %s does not know, and says so', async (version, missing) => {
    const { openstack, asked } = await start({
      ...nova(version),
      [POST]: recorded('server-create-202'),
    });

    const created = await openstack.servers.create(server);

    expect([...created.notApplied].sort()).toEqual(missing);
    const body = JSON.parse(asked(POST)[0]?.body ?? '') as { server: object };
    for (const key of missing) expect(body.server).not.toHaveProperty(key);
  });

  it.each([
    ['2.93', 'none', 'none'],
    ['2.93', 'auto', 'auto'],
    ['2.36', 'none', []],
    ['2.36', 'auto', undefined],
  ] as const)('at %s says networks %s as %j', async (version, networks, said) => {
    const { openstack, asked } = await start({
      ...nova(version),
      [POST]: recorded('server-create-202'),
    });

    await openstack.servers.create({ name: 'x', imageId: 'i', flavorId: '1', networks });

    const body = JSON.parse(asked(POST)[0]?.body ?? '') as { server: { networks?: unknown } };
    expect(body.server.networks).toEqual(said);
  });

  it.each([
    ['2.93', { tag: 'tables' }],
    ['2.41', {}],
  ])('at %s asks for volumes, and for the disk of the image with them', async (version, tags) => {
    const { openstack, asked } = await start({
      ...nova(version),
      [POST]: recorded('server-create-202'),
    });
    const volume = { volumeId: 'v', device: '/dev/vdb', deleteOnTermination: true, tag: 'tables' };
    const boot = { volumeId: 'b', deleteOnTermination: false };
    const rest = { name: 'x', flavorId: '1', networks: 'none' } as const;

    await openstack.servers.create({ ...rest, imageId: 'i', volumes: [volume] });
    await openstack.servers.create({ ...rest, imageId: null, volumes: [boot, volume] });

    const [ofImage, ofVolume] = asked(POST).map(
      ({ body }) => (JSON.parse(body) as { server: object }).server,
    );
    const inCinder = { source_type: 'volume', destination_type: 'volume' };
    const data = {
      uuid: 'v',
      ...inCinder,
      boot_index: -1,
      delete_on_termination: true,
      device_name: '/dev/vdb',
      ...tags,
    };
    expect(ofImage).toMatchObject({ imageRef: 'i' });
    expect(ofImage).toHaveProperty('block_device_mapping_v2', [
      {
        uuid: 'i',
        source_type: 'image',
        destination_type: 'local',
        boot_index: 0,
        delete_on_termination: true,
      },
      data,
    ]);
    expect(ofVolume).not.toHaveProperty('imageRef');
    expect(ofVolume).toHaveProperty('block_device_mapping_v2', [
      { uuid: 'b', ...inCinder, boot_index: 0, delete_on_termination: false },
      data,
    ]);
  });

  it('repeats what Nova dislikes', async () => {
    const { openstack } = await start({ [POST]: recorded('server-create-unknown-flavor-400') });

    await expect(
      openstack.servers.create({ name: 'x', imageId: 'i', flavorId: '999', networks: 'none' }),
    ).rejects.toThrow(/create server "x" and answered 400: Flavor 999 could not be found/);
  });
});
