import { describe, expect, it } from 'vitest';
import type { Guest } from './guests.ts';
import { leftovers } from './leftovers.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';
import { attachVolume, createVolume, createVolumeBootedServer, deleteVolume } from './volumes.ts';

let guest: Guest;
let dataVolume: string;
let bootVolume: string;
let volumeBooted: string;
const name = uniqueName('with-data-volume');
const volumeBootedName = uniqueName('volume-booted');

const stage = useStage(async () => {
  guest = await stage.guests.boot(name);
  dataVolume = await createVolume(stage.lab, `${name}-data`);
  await attachVolume(stage.lab, guest.id, dataVolume);
  bootVolume = await createVolume(
    stage.lab,
    `${volumeBootedName}-root`,
    await stage.guests.bootImageId(),
  );
  volumeBooted = await createVolumeBootedServer(stage.lab, volumeBootedName, bootVolume);
  stage.guests.adopt({ serverId: volumeBooted, imageId: null });
});

describe('volumes, which no image holds', () => {
  it('make a server that boots from one refused by name, and stop no other server', async () => {
    const run = await stage.snapbank.backup(['--server', name, '--server', volumeBootedName], {
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
    const { events } = await stage.snapbank.run(['show', `${name}@latest`]);

    expect(JSON.stringify(events)).toContain(dataVolume);
  });

  it('do not keep the rest of the server from coming back', async () => {
    const { summary } = await stage.snapbank.restore(`${name}@latest`, ['--name', `${name}-again`]);
    stage.guests.adopt(summary);

    const { found } = await stage.guests.report(summary.serverId ?? '', 2);
    expect(found).toEqual([{ ...guest.marks[0], whole: true }]);
    expect(JSON.stringify(summary.notRestored)).toContain(dataVolume);
  });

  it('leave no image and no volume snapshot in the cloud', async () => {
    await stage.guests.deleteAll();
    await deleteVolume(stage.lab, dataVolume);
    await deleteVolume(stage.lab, bootVolume);

    const words = [guest.id, name, volumeBooted, volumeBootedName, bootVolume, dataVolume];
    expect(await leftovers(stage.lab, words)).toEqual([]);
  });
});
