import { describe, expect, it } from 'vitest';
import { printBackupFigures } from './figures.ts';
import type { Guest } from './guests.ts';
import { leftovers } from './leftovers.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

let first: Guest;
let second: Guest;
let third: Guest;
const checkpoints: string[] = [];

const stage = useStage(async () => {
  [first, second] = await Promise.all([
    stage.guests.boot(uniqueName('twin')),
    stage.guests.boot(uniqueName('twin')),
  ]);
});

describe('two servers of one boot image', () => {
  it('are backed up in one run', async () => {
    const run = await stage.snapbank.backup(['--server', first.id, '--server', second.name]);

    printBackupFigures('two servers at once', run);
    const { servers } = run.summary;
    expect(new Set(servers.map((server) => server.id))).toEqual(new Set([first.id, second.id]));
    expect(servers.map((server) => server.status)).toEqual(['succeeded', 'succeeded']);
    checkpoints.push(...servers.map((server) => server.checkpoint ?? 'none'));
  });

  it('each come back with their own data', async () => {
    await stage.guests.delete(first.id);
    await stage.guests.delete(second.id);

    for (const twin of [first, second]) {
      const { summary } = await stage.snapbank.restore(`${twin.name}@latest`, ['--check']);
      stage.guests.adopt(summary);
      const { found } = await stage.guests.report(summary.serverId ?? '', 2);

      expect(summary.identical).toBe(true);
      expect(found).toEqual([{ ...twin.marks[0], whole: true }]);
    }
  });

  it('spare a third server of that image the upload of what they share', async () => {
    third = await stage.guests.boot(uniqueName('sibling'));

    const run = await stage.snapbank.backup(['--server', third.name]);

    printBackupFigures('third server of the image', run);
    checkpoints.push(...run.summary.servers.map((server) => server.checkpoint ?? 'none'));
    expect(run.summary.servers[0]?.newBytes).toBe(17 * 256 * 1024);
  });

  it('are backed up even when another one that was asked for does not exist', async () => {
    const args = ['--server', third.name, '--server', '00000000-0000-4000-8000-000000000000'];

    const { summary } = await stage.snapbank.backup(args, { exitCode: 1 });

    expect(summary.servers).toHaveLength(2);
    expect(summary.servers).toContainEqual(
      expect.objectContaining({ id: third.id, status: 'succeeded' }),
    );
    expect(summary.servers).toContainEqual(
      expect.objectContaining({
        status: 'failed',
        error: expect.objectContaining({ name: 'ServerNotFound' }),
      }),
    );
  });

  it('leave nothing in the cloud', async () => {
    await stage.guests.deleteAll();

    const words = [first, second, third].flatMap(({ id, name }) => [id, name]);
    expect(await leftovers(stage.lab, [...words, ...checkpoints])).toEqual([]);
  });
});
