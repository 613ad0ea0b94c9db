import { createHash, randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { connectOpenStack } from '../../../lib/openstack/connect.ts';
import type { OpenStack } from '../../../lib/openstack/open-stack.ts';
import type { DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import type { DemoCloudOptions } from '../../../local/demo-cloud/options.ts';
import { startDemoCloud } from '../../../local/demo-cloud/start-demo-cloud.ts';
import { VirtualClock } from '../../virtual-clock.ts';

const mib = 1024 * 1024;
const content = randomBytes(3 * mib);

let cloud: DemoCloud;
let openstack: OpenStack;
let imageId: string;
let flavorId: string;

async function start(options: DemoCloudOptions = {}): Promise<void> {
  cloud = await startDemoCloud(options);
  const config = {
    name: 'demo',
    authUrl: cloud.authUrl,
    credentials: { method: 'application_credential', ...cloud.applicationCredential },
    region: cloud.regionName,
    interface: 'public',
    endpointOverrides: {},
    tls: {},
  } as const;
  // Only the client is on this clock, so that it need not wait before it tries again.
  openstack = connectOpenStack(config, { clock: new VirtualClock() });
  imageId = await cloud.addImage({ name: 'boot', content, diskFormat: 'raw' });
  flavorId = cloud.addFlavor({ name: 'as image', vcpus: 1, ramMib: 64, diskGib: 0 });
}

beforeEach(() => start());
afterEach(async () => {
  openstack.close();
  await cloud.close();
});

async function restart(options: DemoCloudOptions): Promise<void> {
  openstack.close();
  await cloud.close();
  await start(options);
}

async function bytesOf(download: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of download) parts.push(part);
  return Buffer.concat(parts);
}

describe('the client of this repository on the demo cloud', () => {
  it('snapshots a server, reads the image by ranges and whole, and deletes it', async () => {
    const serverId = await cloud.addServer({ name: 'vm', imageId, flavorId });
    await cloud.writeGuest(serverId, mib, Buffer.from('user data'));

    const snapshot = await openstack.servers.createImage(serverId, {
      name: 'snap',
      metadata: { checkpoint: 'c1' },
    });
    const image = await openstack.images.show(snapshot.imageId);
    expect(image).toMatchObject({ status: 'active', properties: { checkpoint: 'c1' } });
    const sizeBytes = image.sizeBytes ?? 0;

    expect(await openstack.images.probeRange(image.id, sizeBytes)).toEqual({ supported: true });
    const part = await openstack.images.read(image.id, 1000, 2000);
    const download = openstack.images.download(image.id, { checkHash: true });
    const whole = await bytesOf(download);

    expect(download.sourceHash).toBe('matched');
    expect(Buffer.compare(part, whole.subarray(1000, 3000))).toBe(0);
    const action = await openstack.servers.instanceAction(serverId, snapshot.requestId ?? '');
    expect(action).toMatchObject({ action: 'createImage', failed: false });
    await openstack.images.delete(image.id);
    expect(cloud.inventory().images).toHaveLength(1);
  });

  it('uploads an image, creates a server of it with a fixed address, and lists both', async () => {
    const networkId = cloud.addNetwork({ name: 'net' });
    cloud.addSubnet({ networkId, cidr: '10.0.0.0/24' });
    const image = await openstack.images.create({
      name: 'restored',
      diskFormat: 'raw',
      properties: { checkpoint: 'c1' },
    });
    await openstack.images.upload(image.id, halves(content), { sizeBytes: content.length });

    const created = await openstack.servers.create({
      name: 'restored',
      imageId: image.id,
      flavorId,
      networks: [{ networkId, fixedIp: '10.0.0.50' }],
      tags: ['restored'],
    });

    const server = await openstack.servers.show(created.serverId);
    expect(server).toMatchObject({ status: 'ACTIVE', imageId: image.id, tags: ['restored'] });
    expect(
      Buffer.compare(await cloud.readGuest(created.serverId, 0, content.length), content),
    ).toBe(0);
    const ports = await openstack.network.portsWithFixedIp({ ipAddresses: ['10.0.0.50'] });
    expect(ports).toHaveLength(1);
    const listed: string[] = [];
    for await (const { id } of openstack.images.list({ properties: { checkpoint: 'c1' } })) {
      listed.push(id);
    }
    expect(listed).toEqual([image.id]);
  });

  it('is told what a volume-booted server and attached volumes are', async () => {
    const root = await cloud.addVolume({ name: 'root', sizeGib: 1, imageId });
    const data = await cloud.addVolume({ name: 'data', sizeGib: 1 });
    const serverId = await cloud.addServer({ name: 'vm', bootVolumeId: root });
    cloud.attachVolume(serverId, data);

    const server = await openstack.servers.show(serverId);
    const attachments = await openstack.servers.volumeAttachments(serverId);

    expect(server).toMatchObject({ imageId: null, attachedVolumeIds: [root, data] });
    expect(attachments.map(({ device }) => device)).toEqual(['/dev/vda', '/dev/vdb']);
    expect(await openstack.volumes.show(data)).toMatchObject({ name: 'data', sizeGiB: 1 });
  });

  it('goes on after a cut, a refused token, a busy minute and a lost connection', async () => {
    const file = /\/file$/;
    cloud.faults.add({ path: file }, { kind: 'cut', afterBytes: 100_000 });
    cloud.faults.add({ path: file }, { kind: 'status', status: 401 });
    cloud.faults.add({ path: file }, { kind: 'status', status: 503 });
    cloud.faults.add({ path: file }, { kind: 'reset' });

    const read = await openstack.images.read(imageId, 0, content.length);

    expect(createHash('sha256').update(read).digest('hex')).toBe(
      createHash('sha256').update(content).digest('hex'),
    );
    expect(cloud.faults.injected).toBe(4);
  });

  it('does not believe a store that ignores ranges, and reads what has no length', async () => {
    await restart({ images: { range: 'whole-206' } });
    const probed = await openstack.images.probeRange(imageId, content.length);
    expect(probed.supported).toBe(false);

    await restart({ images: { range: 'refuse-400', contentLength: false, hash: 'never' } });
    const refused = await openstack.images.probeRange(imageId, content.length);
    expect(refused.supported).toBe(false);
    const whole = await bytesOf(openstack.images.download(imageId, { checkHash: true }));
    expect(whole.equals(content)).toBe(true);
  });

  it('finds its region behind others, and a compute endpoint without a version', async () => {
    await restart({
      catalog: {
        otherRegions: ['Elsewhere'],
        region: 'Here',
        paths: { compute: '', image: '/v2' },
      },
    });

    expect(await openstack.identity()).toMatchObject({ region: 'Here' });
    expect((await openstack.images.show(imageId)).name).toBe('boot');
    expect(await openstack.flavors.list()).toHaveLength(2);
  });

  it('pages through everything, also behind an old compute API', async () => {
    await restart({ pageSize: 2, maxMicroversion: '2.30' });
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await cloud.addServer({ name, imageId, flavorId, tags: ['plan'] });
    }

    const names: string[] = [];
    for await (const { name } of openstack.servers.list({ tags: ['plan'] })) names.push(name);

    expect(names.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

async function* halves(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes.subarray(0, bytes.length / 2);
  yield bytes.subarray(bytes.length / 2);
}
