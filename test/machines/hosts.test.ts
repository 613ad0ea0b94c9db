import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { ServerProtectable } from '../../lib/protectable.ts';
import type { Settings } from '../../lib/settings.ts';
import { startWorld, type World } from './world.ts';

const SERVERS = 12;

describe('servers of several compute hosts', () => {
  let world: World;
  afterEach(async () => {
    await world.close();
  });

  /** Four servers on each of three hosts, of which each makes two snapshots at once. */
  const start = async (settings: Partial<Settings>) => {
    world = await startWorld({ cloud: { hosts: 3, snapshotsPerHost: 2 }, settings });
    for (let index = 0; index < SERVERS; index += 1) {
      await world.addServer(`web-${String(index)}`, randomBytes(4096));
    }
  };

  it('burden no host with more snapshots than it may be asked for, however many are backed up at once', async () => {
    await start({ serversAtOnce: SERVERS, snapshotsPerHost: 2 });

    const checkpoints = await world.backUp();

    expect(checkpoints.size).toBe(SERVERS);
    expect(world.cloud.mostSnapshotsOfOneHost()).toBe(2);
    expect(await world.leftovers()).toEqual([]);
  });

  it('burden it with all at once where that is wanted: Nova lets them wait', async () => {
    await start({ serversAtOnce: SERVERS, snapshotsPerHost: SERVERS });

    const checkpoints = await world.backUp();

    expect(checkpoints.size).toBe(SERVERS);
    expect(world.cloud.mostSnapshotsOfOneHost()).toBe(4);
  });

  it('are begun in turn, one of each host as far as it goes', async () => {
    await start({});
    // Asked for host by host.
    const servers = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11].map((index) => `web-${String(index)}`);

    await world.backUp({ servers });

    const openstack = await world.services.openstack();
    const hosts = new Map<string, string>();
    for await (const { id, hostId } of openstack.servers.list()) hosts.set(id, hostId);
    const first = (await items()).slice(0, 6).map(({ id }) => hosts.get(id));
    expect(new Set(first.slice(0, 3)).size).toBe(3);
    expect(new Set(first.slice(3)).size).toBe(3);
  });

  async function items(): Promise<ServerProtectable[]> {
    const { work } = world.places;
    for await (const { key } of work.list('items/')) {
      const lines = Buffer.from(await work.get(key))
        .toString()
        .trim()
        .split('\n');
      return lines.map((line) => ServerProtectable.parse(JSON.parse(line)));
    }
    return [];
  }
});
