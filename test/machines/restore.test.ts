import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RestorePlan } from '../../lib/restore/plan.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;

describe('the restore machine', () => {
  let world: World;
  let serverId: string;
  let networkId: string;
  let checkpoint: string;
  const data = randomBytes(2 * MIB);

  beforeEach(async () => {
    world = await startWorld();
    const { cloud } = world;
    networkId = cloud.addNetwork({ name: 'office' });
    cloud.addSubnet({ networkId, cidr: '10.1.0.0/24' });
    cloud.addKeypair({ name: 'operator' });
    cloud.addSecurityGroup({ name: 'web' });
    serverId = await world.addServer('web-1', data, {
      tags: ['nightly', 'gold'],
      networks: [{ networkId, fixedIp: '10.1.0.7' }],
      keyName: 'operator',
      securityGroups: ['web'],
      metadata: { role: 'web' },
      description: 'the web server',
    });
    checkpoint = (await world.backUp()).get(serverId) ?? '';
  });
  afterEach(async () => {
    await world.close();
  });

  const plan = async (request: Record<string, string | boolean | string[]> = {}) => {
    const outcome = await world.run('restore', { checkpoint, plan_only: true, ...request });
    return outcome.status === 'SUCCEEDED' ? RestorePlan.parse(outcome.output) : outcome;
  };

  it('brings the server back with its data, name, network, address, groups, key pair, metadata and tags', async () => {
    const { cloud, run, services } = world;
    await cloud.removeServer(serverId);

    const outcome = await run('restore', { checkpoint, check: true });

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { identical: true } });
    const { serverId: newId } = outcome.output as { serverId: string };
    expect(Buffer.compare(await cloud.readGuest(newId, MIB, data.length), data)).toBe(0);
    const openstack = await services.openstack();
    expect(await openstack.servers.show(newId)).toMatchObject({
      name: 'web-1',
      status: 'ACTIVE',
      keyName: 'operator',
      metadata: { role: 'web', snapbank_restored_from: checkpoint },
      tags: expect.arrayContaining(['nightly', 'gold']),
      description: 'the web server',
      securityGroupNames: ['web'],
    });
    const [port] = await openstack.network.portsOfServer(newId);
    expect(port).toMatchObject({ networkId, fixedIps: [{ ipAddress: '10.1.0.7' }] });
  });

  it('keeps the properties of the image, and marks where it comes from', async () => {
    const outcome = await world.run('restore', { checkpoint, image_only: true, name: 'kept' });

    const { imageId, serverId: made } = outcome.output as { imageId: string; serverId: null };
    expect(made).toBeNull();
    const image = await (await world.services.openstack()).images.show(imageId);
    expect(image).toMatchObject({ name: 'kept', status: 'active', visibility: 'private' });
    expect(image.properties).toMatchObject({
      hw_disk_bus: 'virtio',
      os_distro: 'test',
      snapbank_restored_from: checkpoint,
    });
    expect(image.properties).not.toHaveProperty('image_type');
  });

  it('says with plan_only what would be made and what is taken, and makes nothing', async () => {
    const { images, servers } = world.cloud.inventory();

    const planned = await plan();

    expect(planned).toMatchObject({
      server: { name: 'web-1', networks: [{ networkId, fixedIp: null }] },
      notRestored: expect.arrayContaining([
        expect.objectContaining({ what: expect.stringContaining('10.1.0.7') }),
      ]),
    });
    expect(world.cloud.inventory()).toMatchObject({ images, servers });
    expect(await world.leftovers()).toEqual([]);
  });

  it('lists all that is missing in one error, and makes nothing', async () => {
    const request = { flavor: 'none such', networks: ['nowhere', 'no place'] };

    const outcome = await world.run('restore', { checkpoint, ...request });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'RestoreNotPossible' });
    expect(outcome.cause).toMatch(/none such.*--flavor \?.*nowhere.*--network \?.*no place/);
    const planned = { server: null, needs: [{ kind: 'flavor' }, {}, { from: 'no place' }] };
    expect(await plan(request)).toMatchObject(planned);
    expect(await world.leftovers()).toEqual([]);
  });

  it('names the original while it exists, whose addresses are taken, and says when it goes', async () => {
    expect(await plan()).toMatchObject({
      original: { id: serverId, name: 'web-1', status: 'ACTIVE', deleting: false },
      notRestored: expect.arrayContaining([
        { what: expect.stringContaining('10.1.0.7'), why: expect.stringContaining('still there') },
      ]),
    });

    world.cloud.setServerState(serverId, { taskState: 'deleting' });
    try {
      expect(await plan()).toMatchObject({
        original: { deleting: true },
        notRestored: expect.arrayContaining([
          expect.objectContaining({ why: expect.stringContaining('being deleted') }),
        ]),
      });
    } finally {
      world.cloud.setServerState(serverId, { taskState: null });
    }
  });

  it('names no original that is gone', async () => {
    const gone = await world.addServer('gone', randomBytes(MIB));
    const backedUp = await world.backUp({ servers: [gone] });
    await world.cloud.removeServer(gone);

    expect(await plan({ checkpoint: backedUp.get(gone) ?? '' })).toMatchObject({ original: null });
  });

  it.each(['raw', 'qcow2'])('makes an image of format %s that is the same disk', async (format) => {
    const outcome = await world.run('restore', {
      checkpoint,
      image_only: true,
      format,
      check: true,
    });

    const { imageId, identical } = outcome.output as { imageId: string; identical: boolean };
    expect(identical).toBe(true);
    expect((await (await world.services.openstack()).images.show(imageId)).diskFormat).toBe(format);
  });

  it('finds a checkpoint by SERVER@latest and by the beginning of its id', async () => {
    expect(await plan({ checkpoint: 'web-1@latest' })).toMatchObject({ checkpoint });
    expect(await plan({ checkpoint: checkpoint.slice(0, 6) })).toMatchObject({ checkpoint });
    expect(await plan({ checkpoint: 'db-9@latest' })).toMatchObject({
      error: 'CheckpointNotFound',
    });
  });

  it('removes all it made when the server does not start', async () => {
    const { cloud } = world;
    cloud.faults.add(
      { service: 'compute', method: 'POST', path: /\/servers$/ },
      { kind: 'status', status: 403, message: 'Quota exceeded for instances' },
    );

    const outcome = await world.run('restore', { checkpoint, name: 'again' });

    expect(outcome).toMatchObject({ status: 'FAILED' });
    expect(await world.leftovers()).toEqual([]);
  });

  it('removes the image when what Glance gives back is not the disk', async () => {
    const { cloud } = world;
    cloud.faults.add(
      { service: 'image', method: 'GET', path: /\/file$/ },
      { kind: 'flip', atByte: 300_000 },
      { times: 50, skip: 1 },
    );

    const outcome = await world.run('restore', {
      checkpoint,
      image_only: true,
      format: 'raw',
      check: true,
    });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'RestoreNotIdentical' });
    expect(await world.leftovers()).toEqual([]);
  });

  it('makes one image and one server though the answers to their creation are lost', async () => {
    const { cloud } = world;
    cloud.faults.add(
      { service: 'image', method: 'POST', path: /\/images$/ },
      { kind: 'lost-answer' },
    );
    cloud.faults.add(
      { service: 'compute', method: 'POST', path: /\/servers$/ },
      { kind: 'lost-answer' },
    );

    const outcome = await world.run('restore', { checkpoint, name: 'again' });

    expect(outcome.status).toBe('SUCCEEDED');
    expect(await world.leftovers()).toHaveLength(2);
  });

  it('sends the image again after the connection was reset', async () => {
    world.cloud.faults.add({ service: 'image', method: 'PUT', path: /\/file$/ }, { kind: 'reset' });

    const outcome = await world.run('restore', { checkpoint, image_only: true, check: true });

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { identical: true } });
  });

  it('fails by name when a pack is gone, before a server is made of it', async () => {
    for await (const { key } of world.places.bank.list('packs/'))
      await world.places.bank.delete([key]);

    const outcome = await world.run('restore', { checkpoint });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'PackMissing' });
    expect(await world.leftovers()).toEqual([]);
  });
});
