import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { DemoCloud } from '../../../local/demo-cloud/demo-cloud.ts';
import type { DemoCloudOptions } from '../../../local/demo-cloud/options.ts';
import { startDemoCloud } from '../../../local/demo-cloud/start-demo-cloud.ts';
import { Api, headerOf, until } from './api.ts';
import { ManualClock } from './manual-clock.ts';
import { hasQemuImg, qemuImg } from './qemu-img.ts';

const kib = 1024;
const mib = 1024 * kib;

let cloud: DemoCloud;
let api: Api;
let directory: string;
let imageId: string;
const bootContent = randomBytes(2 * mib);

async function start(options: DemoCloudOptions = {}): Promise<void> {
  cloud = await startDemoCloud({ ...options, directory });
  api = await Api.of(cloud);
  cloud.addFlavor({ id: 'as-image', name: 'as image', vcpus: 1, ramMib: 64, diskGib: 0 });
  imageId = await cloud.addImage({ name: 'boot', content: bootContent, diskFormat: 'raw' });
}

const addServer = (name = 'vm'): Promise<string> =>
  cloud.addServer({ name, imageId, flavorId: 'as-image' });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'demo-cloud-test-'));
});
afterEach(async () => {
  await cloud.close();
  await rm(directory, { recursive: true, force: true });
});

describe('a snapshot', () => {
  it.each(['qcow2', 'raw'] as const)('holds what the guest wrote, as %s', async (format) => {
    await start({ snapshotFormat: format });
    const serverId = await addServer();
    await cloud.writeGuest(serverId, mib + 5, Buffer.from('user data'));

    const image = await api.untilImage(await api.createImage(serverId), 'active');

    const content = await api.download(String(image['id']));
    expect(content.length).toBe(image['size']);
    expect(image).toMatchObject({ disk_format: format, virtual_size: 2 * mib, min_disk: 0 });
    const restored = await cloud.addImage({ name: 'again', content, diskFormat: format });
    const again = await cloud.addServer({ name: 'again', imageId: restored, flavorId: 'as-image' });
    const expected = Buffer.from(bootContent);
    expected.write('user data', mib + 5);
    expect(Buffer.compare(await cloud.readGuest(again, 0, 2 * mib), expected)).toBe(0);
  });

  it('is of the server that was asked for, though another boots from the same image', async () => {
    await start();
    const [one, other] = [await addServer('one'), await addServer('other')];
    await cloud.writeGuest(one, 0, Buffer.from('data of one'));
    await cloud.writeGuest(other, 0, Buffer.from('other data.'));

    const image = await api.untilImage(await api.createImage(other), 'active');

    expect(image).toMatchObject({ instance_uuid: other, base_image_ref: imageId });
    expect(Buffer.from(await cloud.readGuest(one, 0, 11)).toString()).toBe('data of one');
    const copy = await cloud.addServer({
      name: 'copy',
      imageId: String(image['id']),
      flavorId: 'as-image',
    });
    expect(Buffer.from(await cloud.readGuest(copy, 0, 11)).toString()).toBe('other data.');
    expect(cloud.requests.serverActions(one)).toEqual([]);
    expect(cloud.requests.serverActions(other)).toHaveLength(1);
  });

  it('can be taken after the boot image was deleted', async () => {
    await start();
    const serverId = await addServer();
    await cloud.removeImage(imageId);

    const image = await api.untilImage(await api.createImage(serverId), 'active');

    expect(image['size']).toBeGreaterThan(2 * mib);
  });

  it('is of the moment of createImage, whatever is written until it is active', async () => {
    const clock = new ManualClock();
    await start({ clock, snapshotFormat: 'raw', durations: { snapshotMs: 1000 } });
    const serverId = await addServer();

    const snapshotId = await api.createImage(serverId);
    await cloud.writeGuest(serverId, 0, Buffer.from('too late'));
    clock.advance(1000);
    await api.untilImage(snapshotId, 'active');

    expect((await api.download(snapshotId)).equals(bootContent)).toBe(true);
  });

  it('goes through the task states of Nova, the image being active a moment before the server is idle', async () => {
    const clock = new ManualClock();
    await start({ clock, durations: { snapshotMs: 1000 } });
    const serverId = await addServer();
    const snapshotId = await api.createImage(serverId);
    const seen: string[] = [];

    for (let elapsedMs = 0; elapsedMs < 950; elapsedMs += 50) {
      const { 'OS-EXT-STS:task_state': task } = await api.server(serverId);
      const state = `${String(task)} ${String((await api.imageOf(snapshotId))['status'])}`;
      if (seen.at(-1) !== state) seen.push(state);
      clock.advance(50);
    }

    expect(seen).toEqual([
      'image_snapshot_pending queued',
      'image_snapshot queued',
      'image_pending_upload queued',
      'image_uploading saving',
    ]);
    await api.untilImage(snapshotId, 'active');
    clock.advance(50);
    expect(await api.server(serverId)).toMatchObject({ 'OS-EXT-STS:task_state': null });
  });

  it('answers 409 while another is under way', async () => {
    await start({ clock: new ManualClock(), durations: { snapshotMs: 1000 } });
    const serverId = await addServer();
    await api.createImage(serverId);

    const json = { createImage: { name: 'second' } };
    const answer = await api.compute('POST', `/servers/${serverId}/action`, { json });

    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({
      conflictingRequest: { message: expect.stringContaining('task_state') },
    });
  });

  it('refuses a server whose state does not allow it', async () => {
    await start();
    const serverId = await addServer();
    cloud.setServerState(serverId, { status: 'SHELVED_OFFLOADED', vmState: 'shelved_offloaded' });

    await expect(api.createImage(serverId)).rejects.toThrow('vm_state shelved_offloaded');
  });

  it('names its image in Location, with two slashes, before microversion 2.45', async () => {
    await start();
    const serverId = await addServer();
    const json = { createImage: { name: 'old' } };

    const answer = await api.compute('POST', `/servers/${serverId}/action`, {
      json,
      microversion: '2.44',
    });

    const base = cloud.endpoints.image;
    expect(headerOf(answer, 'location')).toMatch(new RegExp(`^${base}//images/[0-9a-f-]{36}$`));
    expect(answer.body).toBeNull();
  });

  it.skipIf(!hasQemuImg)('is an image that qemu-img finds nothing wrong with', async () => {
    await start();
    const serverId = await cloud.addServer({ name: 'vm', imageId });
    await cloud.writeGuest(serverId, 600 * mib, randomBytes(3 * mib));
    const image = await api.untilImage(await api.createImage(serverId), 'active');
    const path = join(directory, 'downloaded.qcow2');
    await writeFile(path, await api.download(String(image['id'])));

    expect(await qemuImg('check', path)).toContain('No errors were found');
  });
});

async function lastActionOf(serverId: string) {
  const path = `/servers/${serverId}/os-instance-actions`;
  const { body } = await api.compute('GET', path);
  const { instanceActions } = body as { instanceActions: { request_id: string }[] };
  const shown = await api.compute('GET', `${path}/${instanceActions[0]?.request_id}`);
  return (shown.body as { instanceAction: Record<string, unknown> }).instanceAction;
}

describe('a snapshot that fails', () => {
  it('vanishes, and says Error only in the server action', async () => {
    await start();
    const serverId = await addServer();
    cloud.faults.nextSnapshot('vanishes', serverId);

    const snapshotId = await api.createImage(serverId);

    expect((await api.image('GET', `/images/${snapshotId}`)).status).toBe(404);
    const server = await api.server(serverId);
    expect(server).toMatchObject({ status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
    expect(server).not.toHaveProperty('fault');
    expect(await lastActionOf(serverId)).toMatchObject({
      action: 'createImage',
      message: 'Error',
      events: [{ event: 'compute_snapshot_instance', result: 'Error' }],
    });
  });

  it('stays queued for ever after a restart of the compute host, the server being idle', async () => {
    await start();
    const serverId = await addServer();
    cloud.faults.nextSnapshot('compute-restarts');

    const snapshotId = await api.createImage(serverId);

    expect(await api.imageOf(snapshotId)).toMatchObject({ status: 'queued', size: null });
    expect(await api.server(serverId)).toMatchObject({ 'OS-EXT-STS:task_state': null });
  });

  it('is killed', async () => {
    await start();
    const serverId = await addServer();
    cloud.faults.nextSnapshot('killed');

    await api.untilImage(await api.createImage(serverId), 'killed');
  });

  it('never ends', async () => {
    const clock = new ManualClock();
    await start({ clock, tokenLifetimeSeconds: 48 * 3600 });
    const serverId = await addServer();
    cloud.faults.nextSnapshot('never-ends');

    const snapshotId = await api.createImage(serverId);
    clock.advance(24 * 3600 * 1000);

    expect(await api.imageOf(snapshotId)).toMatchObject({ status: 'saving' });
    const { 'OS-EXT-STS:task_state': task } = await api.server(serverId);
    expect(task).toBe('image_uploading');
  });

  it('leaves an orphan when two requests race', async () => {
    await start();
    const serverId = await addServer();
    cloud.faults.nextSnapshot('race');

    await expect(api.createImage(serverId, 'orphan')).rejects.toThrow('500');

    const orphans = cloud.inventory().images.filter(({ name }) => name === 'orphan');
    expect(orphans).toMatchObject([{ status: 'queued' }]);
  });

  it('ends when the server is deleted meanwhile', async () => {
    const clock = new ManualClock();
    await start({ clock, durations: { snapshotMs: 1000 } });
    const serverId = await addServer();
    const snapshotId = await api.createImage(serverId);

    await cloud.removeServer(serverId);
    clock.advance(1000);

    await until(async () => (await api.image('GET', `/images/${snapshotId}`)).status === 404);
    expect(cloud.inventory()).toMatchObject({ servers: [], images: [{ name: 'boot' }] });
  });

  it('lets the image be deleted meanwhile, and frees the server', async () => {
    const clock = new ManualClock();
    await start({ clock, durations: { snapshotMs: 1000 } });
    const serverId = await addServer();
    const snapshotId = await api.createImage(serverId);

    expect((await api.image('DELETE', `/images/${snapshotId}`)).status).toBe(204);
    clock.advance(1000);

    await until(async () => (await api.server(serverId))['OS-EXT-STS:task_state'] === null);
    expect((await api.image('GET', `/images/${snapshotId}`)).status).toBe(404);
  });
});

describe('a server that boots from a volume', () => {
  it('gives an image without a byte, and Cinder snapshots that outlive it', async () => {
    await start();
    const volumeId = await cloud.addVolume({ name: 'root', sizeGib: 1, imageId });
    const serverId = await cloud.addServer({ name: 'vm', bootVolumeId: volumeId });

    const image = await api.imageOf(await api.createImage(serverId));

    expect(image).toMatchObject({ status: 'active', size: 0, base_image_ref: '' });
    const mapping: unknown = JSON.parse(String(image['block_device_mapping']));
    expect(mapping).toMatchObject([{ source_type: 'snapshot', boot_index: 0 }]);
    expect(await api.server(serverId)).toMatchObject({ image: '' });
    expect((await api.download(String(image['id']))).length).toBe(0);
    await api.image('DELETE', `/images/${String(image['id'])}`);
    expect(cloud.inventory().volumeSnapshots).toHaveLength(1);
  });
});

describe('close', () => {
  it('leaves no file, also with a snapshot under way, and can be repeated', async () => {
    await start();
    const serverId = await addServer();
    await cloud.writeGuest(serverId, 0, randomBytes(mib));
    await api.createImage(serverId);

    await cloud.close();
    await cloud.close();

    expect(await readdir(directory)).toEqual([]);
  });
});
