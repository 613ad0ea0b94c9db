import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Guest } from './guests.ts';
import { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { connectLab } from './lab.ts';
import { leftovers } from './leftovers.ts';
import { Snapbank } from './snapbank.ts';
import { uniqueName } from './unique-name.ts';
import { attachVolume, createVolume, createVolumeBootedServer, deleteVolume } from './volumes.ts';

let lab: Lab;
let guests: Guests;
let snapbank: Snapbank;
let guest: Guest;
let dataVolume: string;
let bootVolume: string;
let volumeBooted: string;
const name = uniqueName('with-data-volume');
const volumeBootedName = uniqueName('volume-booted');

beforeAll(async () => {
  lab = await connectLab();
  guests = new Guests(lab);
  snapbank = await Snapbank.withNewBank(lab);
  guest = await guests.boot(name);
  dataVolume = await createVolume(lab, `${name}-data`);
  await attachVolume(lab, guest.id, dataVolume);
  bootVolume = await createVolume(lab, `${volumeBootedName}-root`, await guests.bootImageId());
  volumeBooted = await createVolumeBootedServer(lab, volumeBootedName, bootVolume);
  guests.adopt({ serverId: volumeBooted, imageId: null });
});

afterAll(async () => {
  await guests.deleteAll();
  await snapbank.remove();
  lab.openstack.close();
});

describe('volumes, which no image holds', () => {
  it('make a server that boots from one refused by name, and stop no other server', async () => {
    const run = await snapbank.backup(['--server', name, '--server', volumeBootedName], {
      exitCode: 1,
    });

    const byId = new Map(run.summary.servers.map((server) => [server.id, server]));
    expect(byId.get(volumeBooted)).toMatchObject({
      status: 'failed',
      error: { name: 'VolumeBootedServer' },
    });
    expect(byId.get(guest.id)).toMatchObject({ status: 'succeeded', notCovered: 1 });
  });

  it('are named as not covered when they are attached', async () => {
    const { events } = await snapbank.run(['show', `${name}@latest`]);

    expect(JSON.stringify(events)).toContain(dataVolume);
  });

  it('do not keep the rest of the server from coming back', async () => {
    const { summary } = await snapbank.restore(`${name}@latest`, ['--name', `${name}-again`]);
    guests.adopt(summary);

    const { found } = await guests.report(summary.serverId ?? '', 2);
    expect(found).toEqual([{ ...guest.marks[0], whole: true }]);
    expect(JSON.stringify(summary.notRestored)).toContain(dataVolume);
  });

  it('leave no image and no volume snapshot in the cloud', async () => {
    await guests.deleteAll();
    await deleteVolume(lab, dataVolume);
    await deleteVolume(lab, bootVolume);

    const words = [guest.id, name, volumeBooted, volumeBootedName, bootVolume, dataVolume];
    expect(await leftovers(lab, words)).toEqual([]);
  });
});
