import { createHash, randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCloudConfig } from '../../lib/openstack/cloud-config.ts';
import { connectOpenStack } from '../../lib/openstack/connect.ts';
import type { Image } from '../../lib/openstack/image.ts';
import type { OpenStack } from '../../lib/openstack/open-stack.ts';
import type { Server } from '../../lib/openstack/server.ts';
import { eventually } from './eventually.ts';
import { connectLab } from './lab.ts';
import type { Lab } from './lab.ts';
import { uniqueName } from './unique-name.ts';

let lab: Lab;
let openstack: OpenStack;
const name = uniqueName('client');
const marker = { snapbank_test: name };

beforeAll(async () => {
  lab = await connectLab();
  openstack = lab.openstack;
});

afterAll(async () => {
  for await (const server of openstack.servers.list({ names: [name] })) {
    await openstack.servers.delete(server.id);
  }
  for await (const image of openstack.images.list({ properties: marker })) {
    await openstack.images.delete(image.id);
  }
});

async function connectAs(variables: Record<string, string | undefined>): Promise<OpenStack> {
  return connectOpenStack(
    await loadCloudConfig({
      env: { OS_AUTH_URL: lab.env['OS_AUTH_URL'], ...variables },
      cwd: '/',
      home: homedir(),
    }),
  );
}

async function settled(serverId: string): Promise<Server> {
  return eventually(`server ${serverId} at rest`, 120, async () => {
    const server = await openstack.servers.show(serverId);
    return server.status !== 'BUILD' && server.taskState === null ? server : undefined;
  });
}

async function image(imageId: string, status: string): Promise<Image> {
  return eventually(`image ${imageId} ${status}`, 120, async () => {
    const image = await openstack.images.show(imageId);
    return image.status === status ? image : undefined;
  });
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function* breaksOff() {
  yield randomBytes(500_000);
  throw new Error('the bank is gone');
}

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('a server on a real OpenStack', () => {
  let serverId: string;

  it('is made with everything that is asked for, and shows it', async () => {
    const [network] = await openstack.network.networks();
    const [bootImage] = await all(openstack.images.list({ name: 'lab-guest' }));

    const created = await openstack.servers.create({
      name,
      imageId: String(bootImage?.id),
      flavorId: '101',
      networks: [{ networkId: String(network?.id) }],
      securityGroups: ['default'],
      metadata: marker,
      tags: ['e2e', name],
      description: 'made by a test',
      hostname: 'e2e-host',
      userData: Buffer.from('#cloud-config').toString('base64'),
      availabilityZone: 'nova',
    });
    serverId = created.serverId;
    const server = await settled(serverId);

    expect(created.notApplied).toEqual([]);
    expect(server).toMatchObject({
      status: 'ACTIVE',
      imageId: bootImage?.id,
      incomplete: false,
      flavor: { name: 'lab.nano', ramMiB: 64, diskGiB: 1 },
      metadata: marker,
      tags: expect.arrayContaining(['e2e', name]) as string[],
      description: 'made by a test',
      hostname: 'e2e-host',
      securityGroupNames: ['default'],
    });
    const ports = await openstack.network.portsOfServer(serverId);
    const fixedIp = String(ports[0]?.fixedIps[0]?.ipAddress);
    expect(Object.values(server.addresses).flat()).toMatchObject([
      { address: fixedIp, macAddress: ports[0]?.macAddress, type: 'fixed' },
    ]);
    const taken = await openstack.network.portsWithFixedIp({
      ipAddresses: [fixedIp, '10.99.0.254'],
      networkId: String(network?.id),
    });
    expect(taken.map(({ deviceId }) => deviceId)).toContain(serverId);
    expect(await openstack.servers.volumeAttachments(serverId)).toEqual([]);
  });

  it('is found by its id, its name and its tags', async () => {
    for (const filter of [{ ids: [serverId] }, { names: [name] }, { tags: ['e2e', name] }]) {
      const found = await all(openstack.servers.list(filter));
      expect(found.map(({ id }) => id)).toEqual([serverId]);
    }
    expect(await all(openstack.servers.list({ names: [name], tags: ['no'] }))).toEqual([]);
  });

  it('gives a snapshot, is busy meanwhile, and tells of the action', async () => {
    const request = { name, metadata: marker };
    const snapshot = await openstack.servers.createImage(serverId, request);

    await expect(openstack.servers.createImage(serverId, request)).rejects.toMatchObject({
      name: 'ServerBusy',
    });
    const made = await image(snapshot.imageId, 'active');
    await settled(serverId);
    const action = await openstack.servers.instanceAction(serverId, String(snapshot.requestId));
    expect(made).toMatchObject({
      properties: { ...marker, instance_uuid: serverId, image_type: 'snapshot' },
      visibility: 'private',
    });
    expect(action).toMatchObject({ action: 'createImage', failed: false });
    const found = await all(openstack.images.list({ properties: marker }));
    expect(found.map(({ id }) => id)).toEqual([snapshot.imageId]);
  });

  it('is read in ranges and in one pass, the same bytes with the hash that Glance has', async () => {
    const [snapshot] = await all(openstack.images.list({ properties: marker }));
    const { id, sizeBytes, osHashValue } = snapshot as Image & { sizeBytes: number };

    expect(await openstack.images.probeRange(id, sizeBytes)).toEqual({ supported: true });
    const download = openstack.images.download(id, { checkHash: true });
    const hash = createHash('sha512');
    for await (const piece of download) hash.update(piece);
    expect(download.sourceHash).toBe('matched');
    expect(hash.digest('hex')).toBe(osHashValue);
    const source = openstack.images.byteSource(id, sizeBytes);
    const ranges = createHash('sha512');
    for (let offset = 0; offset < sizeBytes; offset += 5_000_001) {
      ranges.update(await source.read(offset, Math.min(5_000_001, sizeBytes - offset)));
    }
    expect(ranges.digest('hex')).toBe(osHashValue);
  });

  it('is started, stopped, and refuses what it already is', async () => {
    await expect(openstack.servers.start(serverId)).rejects.toMatchObject({
      name: 'ServerInWrongState',
    });

    await openstack.servers.stop(serverId);

    expect(await settled(serverId)).toMatchObject({ status: 'SHUTOFF', vmState: 'stopped' });
  });

  it('is deleted, more than once', async () => {
    await openstack.servers.delete(serverId);
    await eventually('server gone', 60, async () => {
      const found = await all(openstack.servers.list({ ids: [serverId] }));
      return found.length === 0 ? true : undefined;
    });
    await openstack.servers.delete(serverId);

    await expect(openstack.servers.show(serverId)).rejects.toMatchObject({
      name: 'ServerNotFound',
    });
    await expect(
      openstack.servers.createImage(serverId, { name, metadata: {} }),
    ).rejects.toMatchObject({ name: 'ServerNotFound' });
  });
});

describe('an image in a real OpenStack', () => {
  const newImage = { name, diskFormat: 'raw', properties: { ...marker, hw_disk_bus: 'virtio' } };

  it.each([
    ['with', 3_000_000],
    ['without', undefined],
  ])('is uploaded %s a known size and read back', async (_, sizeBytes) => {
    const bytes = randomBytes(3_000_000);
    const { id, status } = await openstack.images.create({ ...newImage, minDiskGiB: 1 });
    expect(status).toBe('queued');
    await expect(bytesOf(openstack.images.download(id))).rejects.toMatchObject({
      name: 'ImageHasNoData',
    });

    await openstack.images.upload(
      id,
      Readable.from([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]),
      sizeBytes === undefined ? {} : { sizeBytes },
    );

    expect(await openstack.images.show(id)).toMatchObject({
      status: 'active',
      sizeBytes: 3_000_000,
      minDiskGiB: 1,
      properties: { hw_disk_bus: 'virtio' },
    });
    expect(await bytesOf(openstack.images.download(id, { checkHash: true }))).toEqual(bytes);
    await expect(openstack.images.upload(id, Readable.from([bytes]))).rejects.toMatchObject({
      name: 'ImageInWrongState',
    });
    await openstack.images.delete(id);
    await openstack.images.delete(id);
  });

  it('falls back to queued when its upload breaks off', async () => {
    const { id } = await openstack.images.create(newImage);

    await expect(openstack.images.upload(id, breaksOff())).rejects.toThrow('the bank is gone');

    await image(id, 'queued');
    await openstack.images.delete(id);
  });

  it('is not fetched from where Glance may not go, and the URL is not told', async () => {
    const { id } = await openstack.images.create(newImage);
    const url = 'http://127.0.0.1:9/private/path?X-Amz-Signature=abcdef';

    const refused = await openstack.images
      .importWebDownload(id, url)
      .then(() => openstack.images.tasks(id))
      .catch((error: unknown) => error);

    expect(refused).toMatchObject({ name: 'RequestRefused' });
    expect(String(refused)).not.toMatch(/private|abcdef/);
    expect(await openstack.images.importMethods()).toContain('web-download');
    await openstack.images.delete(id);
  });
});

describe('credentials of a real OpenStack', () => {
  it('may be a password with a project', async () => {
    const byPassword = await connectAs({
      OS_USERNAME: 'backup',
      OS_PASSWORD: lab.env['LAB_USER_PASSWORD'],
      OS_PROJECT_NAME: 'backup-lab',
    });

    expect(await byPassword.identity()).toEqual(await openstack.identity());
    byPassword.close();
  });

  it('are refused with the reason', async () => {
    const id = String(lab.env['OS_APPLICATION_CREDENTIAL_ID']);
    const wrongSecret = await connectAs({
      OS_APPLICATION_CREDENTIAL_ID: id,
      OS_APPLICATION_CREDENTIAL_SECRET: 'wrong',
    });
    const unknown = await connectAs({
      OS_APPLICATION_CREDENTIAL_ID: '0'.repeat(32),
      OS_APPLICATION_CREDENTIAL_SECRET: 'wrong',
    });

    await expect(wrongSecret.identity()).rejects.toThrow(/rejects the secret/);
    await expect(unknown.identity()).rejects.toThrow(/knows no such application credential/);
  });

  it('may have a small quota, which is named', async () => {
    const small = await connectAs({
      OS_APPLICATION_CREDENTIAL_ID: lab.env['LAB_SMALL_APPLICATION_CREDENTIAL_ID'],
      OS_APPLICATION_CREDENTIAL_SECRET: lab.env['LAB_SMALL_APPLICATION_CREDENTIAL_SECRET'],
    });
    const made: string[] = [];
    const fill = async () => {
      for (let count = 0; count < 5; count++) {
        made.push((await small.images.create({ name, diskFormat: 'raw' })).id);
      }
    };

    await expect(fill()).rejects.toMatchObject({ name: 'QuotaExceeded' });

    for (const id of made) await small.images.delete(id);
    small.close();
  });
});
