import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import { writeQcow2File } from '../../../local/demo-cloud/disks/qcow2-file.ts';
import { startDemoCloud } from '../../../local/demo-cloud/start-demo-cloud.ts';
import { Api } from './api.ts';
import { SparseDisk } from './disks/sparse-disk.ts';
import { ManualClock } from './manual-clock.ts';

const mib = 1024 * 1024;
const content = randomBytes(2 * mib);

let cloud: DemoCloud;
let api: Api;
let clock: ManualClock;
let imageId: string;
let networkId: string;

beforeEach(async () => {
  clock = new ManualClock();
  const durations = { buildMs: 1000, deleteMs: 1000 };
  cloud = await startDemoCloud({ clock, durations, pageSize: 2 });
  api = await Api.of(cloud);
  imageId = await cloud.addImage({ name: 'boot', content, diskFormat: 'raw' });
  networkId = cloud.addNetwork({ name: 'net' });
  cloud.addSubnet({ networkId, cidr: '10.0.0.0/24' });
});
afterEach(() => cloud.close());

/** A qcow2 image of an empty disk. */
async function addLargeImage(sizeBytes: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'large-image-'));
  const path = join(directory, 'large.qcow2');
  await writeQcow2File(path, sizeBytes, new SparseDisk(sizeBytes).pieces());
  const id = await cloud.addImage({ name: 'large', content: path, diskFormat: 'qcow2' });
  await rm(directory, { recursive: true });
  return id;
}

const flavorId = (): string => cloud.inventory().flavors[0]?.id ?? '';

const create = (fields: object) =>
  api.compute('POST', '/servers', {
    json: {
      server: {
        name: 'new',
        imageRef: imageId,
        flavorRef: flavorId(),
        networks: 'none',
        ...fields,
      },
    },
  });

const idOf = ({ body }: { body: unknown }): string =>
  (body as { server: { id: string } }).server.id;

describe('POST /servers', () => {
  it('makes a server whose disk is the image, grown to the flavor’s size', async () => {
    const id = idOf(await create({ metadata: { a: 'b' }, tags: ['t'], description: 'd' }));
    expect(await api.server(id)).toMatchObject({ status: 'BUILD' });

    clock.advance(1000);

    const shown = { status: 'ACTIVE', metadata: { a: 'b' }, tags: ['t'], description: 'd' };
    expect(await api.server(id)).toMatchObject(shown);
    expect(Buffer.compare(await cloud.readGuest(id, 0, 2 * mib), content)).toBe(0);
    expect(await cloud.guestSizeBytes(id)).toBe(1024 * mib);
  });

  it('ends in ERROR with a fault when the image is larger than the flavor’s disk', async () => {
    const imageRef = await addLargeImage(2 * 1024 * mib);

    const id = idOf(await create({ imageRef }));
    clock.advance(1000);

    expect(await api.server(id)).toMatchObject({
      status: 'ERROR',
      fault: { code: 500, message: expect.stringContaining('image is 2147483648 bytes') },
    });
  });

  it('gives the server a port with the fixed address that was asked for', async () => {
    const networks = [{ uuid: networkId, fixed_ip: '10.0.0.77' }];

    const id = idOf(await create({ networks }));
    clock.advance(1000);

    const { body } = await api.network('GET', `/ports?device_id=${id}`);
    expect(body).toMatchObject({
      ports: [{ fixed_ips: [{ ip_address: '10.0.0.77' }], status: 'ACTIVE' }],
    });
    expect(await api.server(id)).toMatchObject({ addresses: { net: [{ addr: '10.0.0.77' }] } });
    expect((await create({ networks })).body).toMatchObject({
      badRequest: { message: expect.stringContaining('10.0.0.77 is already in use') },
    });
  });

  it('takes a port that exists, and gives it back', async () => {
    const portId = cloud.addPort({ networkId, fixedIp: '10.0.0.9' });

    const id = idOf(await create({ networks: [{ port: portId }] }));
    clock.advance(1000);
    await api.compute('DELETE', `/servers/${id}`);
    clock.advance(1000);

    expect((await api.compute('GET', `/servers/${id}`)).status).toBe(404);
    const { body } = await api.network('GET', `/ports/${portId}`);
    expect(body).toMatchObject({ port: { device_id: '' } });
  });

  it.each([
    ['an unknown key pair', { key_name: 'nobody' }, 'Invalid key_name provided.'],
    ['an unknown zone', { availability_zone: 'moon' }, 'availability zone is not available'],
    ['an unknown security group', { security_groups: [{ name: 'no' }] }, 'Security group no'],
    ['an unknown network', { networks: [{ uuid: 'none' }] }, 'Network none'],
    ['no networks at all', { networks: undefined }, "'networks' is a required property"],
  ])('refuses %s', async (_, fields, message) => {
    const answer = await create(fields);

    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain(message);
    expect(cloud.inventory().servers).toEqual([]);
  });

  it('refuses an image that needs a larger disk than the flavor has', async () => {
    const imageRef = await cloud.addImage({
      name: 'min',
      content,
      diskFormat: 'raw',
      minDiskGib: 2,
    });

    expect((await create({ imageRef })).body).toMatchObject({
      badRequest: { message: expect.stringContaining('minimum is 2147483648 bytes') },
    });
  });
});

describe('GET /servers/detail', () => {
  it('comes in pages, newest first, filtered by tags', async () => {
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      ids.push(await cloud.addServer({ name, imageId, tags: name === 'c' ? [] : ['plan'] }));
    }
    const listed: string[] = [];

    let url = `${cloud.endpoints.compute}/v2.1/servers/detail?tags=plan`;
    while (url !== '') {
      const { body } = await api.ask('GET', url);
      const page = body as { servers: { name: string }[]; servers_links?: { href: string }[] };
      listed.push(...page.servers.map(({ name }) => name));
      url = page.servers_links?.[0]?.href ?? '';
    }

    expect(listed).toEqual(['e', 'd', 'b', 'a']);
  });
});

describe('the inventory', () => {
  it('names everything that exists, and nothing after it was removed', async () => {
    const before = cloud.inventory();
    const id = await cloud.addServer({ name: 'vm', imageId, networks: [{ networkId }] });
    const volumeId = await cloud.addVolume({ name: 'data', sizeGib: 1 });
    cloud.attachVolume(id, volumeId);

    expect(cloud.inventory().servers).toMatchObject([{ name: 'vm', status: 'ACTIVE' }]);
    expect(cloud.inventory().volumes).toMatchObject([{ name: 'data', status: 'in-use' }]);
    expect(cloud.inventory().ports).toHaveLength(1);

    await cloud.removeServer(id);
    expect(cloud.inventory()).toMatchObject({ servers: before.servers, ports: before.ports });
    expect(cloud.inventory().volumes).toMatchObject([{ status: 'available' }]);
  });
});

describe('DELETE /servers/{server}', () => {
  it('takes the server away when its time is over, whoever looks', async () => {
    const id = await cloud.addServer({ name: 'vm', imageId });

    expect((await api.compute('DELETE', `/servers/${id}`)).status).toBe(204);
    expect(cloud.inventory().servers).toHaveLength(1);
    clock.advance(1000);

    expect(cloud.inventory().servers).toEqual([]);
  });
});

describe('tokens', () => {
  it('end after their life, and with their credential', async () => {
    const credentialExpiresAt = clock.now() + 60_000;
    const { applicationCredential } = cloud.addProject({ name: 'short', credentialExpiresAt });
    const short = await Api.of(cloud, applicationCredential);

    clock.advance(60_000);
    expect((await short.compute('GET', '/servers')).status).toBe(401);
    expect((await short.authenticate(applicationCredential)).status).toBe(401);

    clock.advance(3_540_000);
    expect((await api.compute('GET', '/servers')).status).toBe(401);
  });

  it('show nothing of another project', async () => {
    const id = await cloud.addServer({ name: 'vm', imageId });
    const other = await Api.of(cloud, cloud.addProject({ name: 'other' }).applicationCredential);

    expect((await other.compute('GET', `/servers/${id}`)).status).toBe(404);
    expect((await other.image('GET', `/images/${imageId}`)).status).toBe(404);
    expect((await other.compute('GET', '/servers')).body).toEqual({ servers: [] });
  });
});

describe('the catalog', () => {
  it('lists other regions first, and leaves out what the cloud does not have', async () => {
    await cloud.close();
    cloud = await startDemoCloud({
      catalog: { otherRegions: ['Elsewhere'], interfaces: ['public'], without: ['volumev3'] },
    });
    api = await Api.of(cloud);

    const { body } = await api.ask('GET', `${cloud.authUrl}/auth/catalog`);

    const { catalog } = body as {
      catalog: { type: string; endpoints: { region: string; interface: string }[] }[];
    };
    expect(catalog.map(({ type }) => type)).not.toContain('volumev3');
    const compute = catalog.find(({ type }) => type === 'compute')?.endpoints ?? [];
    expect(compute[0]).toMatchObject({ region: 'Elsewhere' });
    expect(compute.at(-1)).toMatchObject({ region: 'RegionOne', interface: 'public' });
  });
});
