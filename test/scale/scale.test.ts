import { describe, expect, it } from 'vitest';
import { backUpLargeDisk } from './large-disk.ts';
import { keepManyCheckpoints } from './many-checkpoints.ts';
import { backUpManyServers } from './many-servers.ts';

/** What `npm run bench:scale` does at its full size. */
describe('at scale', () => {
  it('many servers are backed up in one run, so many at once and so many of a host as the settings say', async () => {
    const scale = { servers: 12, hosts: 2, serversAtOnce: 8, snapshotsPerHost: 2 };

    const figures = await backUpManyServers(scale);

    expect(figures).toMatchObject({ succeeded: 12, mostAtOnce: 8, leftovers: [] });
    expect(figures.mostSnapshotsOfOneHost).toBe(2);
  }, 120_000);

  it('a sparse disk of 32 GiB costs what is written on it, and then what has changed', async () => {
    const { backups, objects } = await backUpLargeDisk(32);

    const [first, second] = backups;
    expect(first).toMatchObject({ diskGiB: 32, readMiB: 64.5, newMiB: 64.5 });
    expect(second).toMatchObject({ diskGiB: 32, newMiB: 1 });
    // Of the first its root, and a table and a pack for each GiB; of the second its root, a table and a pack. The bank's own beside.
    expect(objects).toBeLessThan(2 * 32 + 10);
  }, 120_000);

  it('a server of 24 checkpoints is backed up as with 3 of them, listed, verified and pruned', async () => {
    const { checkpoints, pruned, earlyBackup, lateBackup } = await keepManyCheckpoints(24);

    expect(checkpoints).toBe(24);
    expect(pruned).toBe(14);
    expect(lateBackup.register).toBe(earlyBackup.register);
    expect(lateBackup.all).toBe(earlyBackup.all);
  }, 120_000);
});
