import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../lib/bank/register/open-checkpoint.ts';
import { identityOf } from '../../lib/protect/identity.ts';
import { diskInBank } from './disk-in-bank.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const SERVERS = 5;
/** Of the image that `world` boots servers from. */
const IMAGE_BYTES = MIB / 2;
const HOUR_MILLISECONDS = 3600 * 1000;

describe('servers of one image in their first backup', () => {
  let world: World;
  const data = new Map<string, Buffer>();
  beforeEach(async () => {
    world = await startWorld({ settings: { serversAtOnce: SERVERS } });
    data.clear();
    for (let index = 0; index < SERVERS; index += 1) {
      const written = randomBytes(MIB);
      data.set(await world.addServer(`web-${String(index)}`, written), written);
    }
  });
  afterEach(async () => {
    await world.close();
  });

  it('store once what they have in common, and each its own data', async () => {
    const checkpoints = await world.backUp();

    expect(summary()).toMatchObject({ data: { newBytes: IMAGE_BYTES + SERVERS * MIB } });
    for (const [serverId, written] of data) {
      const disk = await diskInBank(world.services, checkpoints.get(serverId) ?? '');
      expect(disk.subarray(MIB, 2 * MIB).equals(written)).toBe(true);
    }
  });

  it('do not depend on the one that goes first: where it fails another one does', async () => {
    const createImage = { service: 'compute', method: 'POST', path: /\/action$/ } as const;
    world.cloud.faults.add(createImage, { kind: 'status', status: 400 }, { times: 1 });

    await world.run('backup', {});

    expect(summary()).toMatchObject({
      data: { failed: 1, newBytes: IMAGE_BYTES + (SERVERS - 1) * MIB },
    });
  });

  it('wait for it an hour at most, and then store all by themselves', async () => {
    const [register, openstack] = await Promise.all([
      world.services.register(),
      world.services.openstack(),
    ]);
    const [serverId = ''] = data.keys();
    const signal = new AbortController().signal;
    const server = await openstack.servers.show(serverId, { signal });
    const identity = await identityOf(openstack, server, signal);
    await openCheckpoint(register, {
      execution: { id: 'of another server, which takes long' },
      server: { ...identity, serverId: 'another' },
      bootImage: { ...identity, imageId: server.imageId ?? '' },
      waitForBase: true,
      leaseSeconds: 24 * 3600,
    });
    const before = world.clock.now();

    const checkpoints = await world.backUp({ servers: [serverId] });

    const milliseconds = world.clock.now() - before;
    expect(checkpoints.size).toBe(1);
    expect(milliseconds).toBeGreaterThanOrEqual(HOUR_MILLISECONDS);
    expect(milliseconds).toBeLessThan(1.1 * HOUR_MILLISECONDS);
  });

  const summary = () => world.published.at(-1)?.Detail;
});
