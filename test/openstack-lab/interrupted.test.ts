import { describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import type { Guest } from './guests.ts';
import { leftovers } from './leftovers.ts';
import type { BackupSummary } from './snapbank.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

let guest: Guest;
const name = uniqueName('interrupted');

const stage = useStage(async () => {
  guest = await stage.guests.boot(name);
});

async function snapshots(): Promise<string[]> {
  const ids = [];
  const filter = { properties: { instance_uuid: guest.id } };
  for await (const image of stage.lab.openstack.images.list(filter)) ids.push(image.id);
  return ids;
}

/** Starts a backup, and sends it the signal as soon as Glance knows its snapshot. */
async function backUpInterrupted(signal: NodeJS.Signals, execution: string) {
  const running = stage.snapbank.start<BackupSummary>([
    'backup',
    '--server',
    name,
    '--execution',
    execution,
  ]);
  await eventually('a snapshot', 60, async () =>
    (await snapshots()).length > 0 ? true : undefined,
  );
  running.kill(signal);
  return await running.ended;
}

describe('a backup that is interrupted', () => {
  it('by Ctrl-C stops, says how to continue, and continues', async () => {
    const stopped = await backUpInterrupted('SIGINT', 'ctrl-c');

    expect(stopped.exitCode).toBe(1);
    expect(stopped.stderr).toMatch(/same command|continue/i);
    const { summary } = await stage.snapbank.backup(['--server', name, '--execution', 'ctrl-c']);
    expect(summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    expect(await snapshots()).toEqual([]);
  });

  it('by the death of its process is continued by the same command', async () => {
    await backUpInterrupted('SIGKILL', 'killed');

    const { summary } = await stage.snapbank.backup(['--server', name, '--execution', 'killed']);
    expect(summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    expect(await snapshots()).toEqual([]);
  });

  it('by the death of its process gives way to another one, and can be continued after it', async () => {
    await backUpInterrupted('SIGKILL', 'overtaken');

    for (const execution of ['overtaking', 'overtaken']) {
      const args = ['--server', name, '--execution', execution];
      const { summary } = await stage.snapbank.backup(args);
      expect(summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    }

    expect(await snapshots()).toEqual([]);
  });

  it('leaves nothing in the cloud', async () => {
    await stage.guests.deleteAll();

    expect(await leftovers(stage.lab, [guest.id, name])).toEqual([]);
  });
});
