import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printBackupFigures, printFigures } from './figures.ts';
import type { Guest } from './guests.ts';
import { ownNetwork } from './guests.ts';
import { leftovers } from './leftovers.ts';
import { marksOnDisk } from './marks-on-disk.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

/** One boot of the guest changes 16 chunks of 256 KiB (its blob) and one more (its mark). */
const changedByOneBootBytes = 17 * 256 * 1024;
const mebibyte = 1024 ** 2;

let guest: Guest;
let fixedIp: string | undefined;
const name = uniqueName('web');
const checkpoints: string[] = [];

const stage = useStage(async () => {
  guest = await stage.guests.boot(name, {
    networks: [{ networkId: await stage.guests.networkId(ownNetwork) }],
    metadata: { purpose: 'end-to-end test' },
    tags: ['nightly'],
  });
  fixedIp = await stage.guests.address(guest.id, ownNetwork);
});

async function backUp(title: string) {
  const run = await stage.snapbank.backup(['--server', name]);
  printBackupFigures(title, run);
  const [server] = run.summary.servers;
  if (server === undefined) throw new Error('The summary names no server.');
  checkpoints.push(server.checkpoint ?? 'none');
  return server;
}

describe('a server whose user writes between two backups', () => {
  it('is protectable, with its boot image as child that names it', async () => {
    const { events } = await stage.snapbank.run(['protectables']);

    expect(events).toContainEqual({
      type: 'protectable',
      protectable: expect.objectContaining({
        type: 'OS::Nova::Server',
        id: guest.id,
        children: [
          expect.objectContaining({
            type: 'OS::Glance::Image',
            id: await stage.guests.bootImageId(),
            extra_info: { server_id: guest.id },
          }),
        ],
      }),
    });
  });

  it('is backed up while it runs', async () => {
    const server = await backUp('first backup');

    expect(server).toMatchObject({ id: guest.id, name, status: 'succeeded', diskBytes: 1024 ** 3 });
    expect(server.newBytes).toBeGreaterThan(4 * mebibyte);
    expect((await stage.lab.openstack.servers.show(guest.id)).status).toBe('ACTIVE');
  });

  it('costs what has changed when it is backed up again', async () => {
    await stage.guests.restart(guest);

    const server = await backUp('after 4 MiB were written');

    printFigures('changed on the disk', `${changedByOneBootBytes} bytes, new ${server.newBytes}`);
    expect(server.newBytes).toBe(changedByOneBootBytes);
    expect(server.storedBytes).toBeGreaterThan(4 * mebibyte);
    expect(server.storedBytes).toBeLessThan(4.5 * mebibyte);
  });

  it('costs nothing when nothing has changed', async () => {
    const server = await backUp('unchanged');

    expect(server).toMatchObject({ newBytes: 0, status: 'succeeded' });
    expect(server.storedBytes).toBeLessThan(64 * 1024);
  });

  it('is proven to boot, by a twin that is gone afterwards', async () => {
    const latest = checkpoints.at(-1) ?? '';

    const { summary } = await stage.snapbank.run([
      'verify',
      latest,
      '--boot',
      '--console',
      'LAB-GUEST ready',
      '--boot-seconds',
      '240',
    ]);

    expect(summary).toMatchObject({ booted: true, identical: true, warnings: [] });
    const shown = await stage.snapbank.run<{ lastProven: string | null }>(['show', latest]);
    expect(shown.summary.lastProven).not.toBeNull();
    const twins = [];
    const names = [`snapbank-proof-${latest.slice(0, 8)}`];
    for await (const server of stage.lab.openstack.servers.list({ names })) {
      // Nova ends a deletion later.
      if (server.taskState !== 'deleting') twins.push(server);
    }
    expect(twins).toEqual([]);
  });

  it('comes back from the bank after it was destroyed, and its guest finds its data whole', async () => {
    await stage.guests.delete(guest.id);

    const run = await stage.snapbank.restore(`${name}@latest`, ['--check']);
    stage.guests.adopt(run.summary);

    printFigures('restore with --check', `${run.summary.bytes} bytes, ${run.seconds.toFixed(1)} s`);
    expect(run.summary).toMatchObject({ identical: true, serverId: expect.any(String) });
    const serverId = run.summary.serverId ?? '';
    const { found, wrote } = await stage.guests.report(serverId, guest.marks.length + 1);
    expect(found).toEqual(guest.marks.map((mark) => ({ ...mark, whole: true })));
    expect(wrote).toMatchObject({ boot: 2, serverId });
  });

  it('comes back as what it was: name, address, metadata, tags, flavor', async () => {
    const restored = [];
    for await (const server of stage.lab.openstack.servers.list({ names: [name] }))
      restored.push(server);

    expect(restored).toHaveLength(1);
    expect(restored[0]).toMatchObject({
      metadata: { purpose: 'end-to-end test' },
      tags: ['nightly'],
      flavor: { name: 'lab.tiny' },
    });
    expect(fixedIp).toBeDefined();
    expect(await stage.guests.address(restored[0]?.id ?? '', ownNetwork)).toBe(fixedIp);
  });

  it('comes back beside itself as it was at an earlier checkpoint', async () => {
    const beside = uniqueName('earlier');

    const { summary } = await stage.snapbank.restore(checkpoints[0] ?? '', [
      '--name',
      beside,
      '--network',
      ownNetwork,
    ]);
    stage.guests.adopt(summary);

    expect(summary.identical).toBeNull();
    const { found } = await stage.guests.report(summary.serverId ?? '', 2);
    expect(found).toEqual([{ ...guest.marks[0], whole: true }]);
  });

  it('can be had as a file, without the cloud', async () => {
    const output = join(stage.snapbank.directory, 'disk.raw');
    const latest = checkpoints.at(-1) ?? '';
    const env = { OS_AUTH_URL: '', OS_APPLICATION_CREDENTIAL_ID: '' };

    await stage.snapbank.run(['export', latest, '--output', output, '--format', 'raw'], { env });

    expect(await marksOnDisk(output)).toEqual(
      guest.marks.map((mark) => ({ ...mark, whole: true })),
    );
  });

  it('leaves nothing in the cloud but what was restored', async () => {
    await stage.guests.deleteAll();

    expect(await leftovers(stage.lab, [guest.id, name, ...checkpoints])).toEqual([]);
  });
});
