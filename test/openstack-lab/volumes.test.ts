import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Guest } from './guests.ts';
import { leftovers } from './leftovers.ts';
import type { RestoreSummary } from './snapbank.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';
import { attachVolume, createVolume, createVolumeBootedServer, deleteVolume } from './volumes.ts';

let guest: Guest;
let dataVolume: string;
let bootVolume: string;
let volumeBooted: string;
const name = uniqueName('with-data-volume');
const volumeBootedName = uniqueName('volume-booted');

const restored: RestoreSummary['volumes'] = [];

/** Hash of a disk of the newest checkpoint. */
async function contentOf(server: string, disk: number): Promise<string> {
  const path = join(stage.snapbank.directory, `${server}-${String(disk)}.raw`);
  const options = ['--disk', String(disk), '--output', path];
  await stage.snapbank.run(['export', `${server}@latest`, ...options]);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  await rm(path);
  return hash.digest('hex');
}

const stage = useStage(async () => {
  guest = await stage.guests.boot(name);
  const image = await stage.guests.bootImageId();
  dataVolume = await createVolume(stage.lab, `${name}-data`, image);
  await attachVolume(stage.lab, guest.id, dataVolume);
  bootVolume = await createVolume(stage.lab, `${volumeBootedName}-root`, image);
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

  it('come back with their server when they are included', async () => {
    const { lab, snapbank, guests } = stage;
    await snapbank.backup(['--server', name, '--server', volumeBootedName, '--include-volumes']);
    const again = [uniqueName('restored'), uniqueName('restored')] as const;

    const { summary } = await snapbank.restore(`${name}@latest`, ['--name', again[0]]);
    guests.adopt(summary);
    const onVolume = ['--name', again[1], '--check'];
    const booted = await snapbank.restore(`${volumeBootedName}@latest`, onVolume);
    guests.adopt(booted.summary);

    restored.push(...summary.volumes, ...booted.summary.volumes);
    expect(restored).toMatchObject([{ disk: 1 }, { disk: 0 }]);
    // Its guest has written to the root disk since: what was restored is compared before that.
    expect(booted.summary).toMatchObject({ imageId: null, identical: true });
    await snapbank.backup(['--server', again[0], '--include-volumes']);
    expect(await contentOf(again[0], 1)).toEqual(await contentOf(name, 1));
    for (const { volumeId } of restored) {
      const volume = await lab.openstack.volumes.show(volumeId);
      expect(volume).toMatchObject({ status: 'in-use', sizeGiB: 1 });
    }
  });

  it('leave no image and no volume snapshot in the cloud', async () => {
    await stage.guests.deleteAll();
    await deleteVolume(stage.lab, dataVolume);
    await deleteVolume(stage.lab, bootVolume);
    for (const { volumeId } of restored) await deleteVolume(stage.lab, volumeId);

    const words = [
      ...restored.map(({ volumeId }) => volumeId),
      guest.id,
      name,
      volumeBooted,
      volumeBootedName,
      bootVolume,
      dataVolume,
    ];
    expect(await leftovers(stage.lab, words)).toEqual([]);
  });
});
