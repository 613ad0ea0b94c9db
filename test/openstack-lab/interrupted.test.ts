import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './eventually.ts';
import type { Guest } from './guests.ts';
import { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { connectLab } from './lab.ts';
import { leftovers } from './leftovers.ts';
import type { BackupSummary } from './snapbank.ts';
import { Snapbank } from './snapbank.ts';
import { uniqueName } from './unique-name.ts';

let lab: Lab;
let guests: Guests;
let snapbank: Snapbank;
let guest: Guest;
const name = uniqueName('interrupted');

beforeAll(async () => {
  lab = await connectLab();
  guests = new Guests(lab);
  snapbank = await Snapbank.withNewBank(lab);
  guest = await guests.boot(name);
});

afterAll(async () => {
  await guests.deleteAll();
  await snapbank.remove();
  lab.openstack.close();
});

async function snapshots(): Promise<string[]> {
  const ids = [];
  const filter = { properties: { instance_uuid: guest.id } };
  for await (const image of lab.openstack.images.list(filter)) ids.push(image.id);
  return ids;
}

/** Starts a backup, and sends it the signal as soon as Glance knows its snapshot. */
async function backUpInterrupted(signal: NodeJS.Signals, execution: string) {
  const running = snapbank.start<BackupSummary>([
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
    const { summary } = await snapbank.backup(['--server', name, '--execution', 'ctrl-c']);
    expect(summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    expect(await snapshots()).toEqual([]);
  });

  it('by the death of its process is continued by the same command', async () => {
    await backUpInterrupted('SIGKILL', 'killed');

    const { summary } = await snapbank.backup(['--server', name, '--execution', 'killed']);
    expect(summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    expect(await snapshots()).toEqual([]);
  });

  it('by the death of its process is cleaned up by the next backup', async () => {
    await backUpInterrupted('SIGKILL', 'abandoned');

    const { summary } = await snapbank.backup(['--server', name]);
    expect(summary.servers).toMatchObject([{ id: guest.id, error: null }]);
    expect(await snapshots()).toEqual([]);
  });

  it('leaves nothing in the cloud', async () => {
    await guests.deleteAll();

    expect(await leftovers(lab, [guest.id, name])).toEqual([]);
  });
});
