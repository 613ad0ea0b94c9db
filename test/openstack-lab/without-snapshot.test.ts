import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printBackupFigures } from './figures.ts';
import type { Guest } from './guests.ts';
import { leftovers } from './leftovers.ts';
import { marksOnDisk } from './marks-on-disk.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

let guest: Guest;
const name = uniqueName('bare');
let files = 0;

const stage = useStage(async () => {
  guest = await stage.guests.boot(name);
});

const nothingOfTheUser = { imageKind: 'boot-image', marks: [] };
const allOfTheUser = () => ({ imageKind: 'snapshot', marks: [{ ...guest.marks[0], whole: true }] });

/** A backup made with these options: what its summary calls it, and the marks on its disk. */
async function backUp(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const run = await stage.snapbank.backup(['--server', name, ...args], { env });
  const title = [...args, ...Object.entries(env).flat()].join(' ');
  printBackupFigures(title === '' ? 'by default' : title, run);
  const [server] = run.summary.servers;
  const output = join(stage.snapbank.directory, `disk-${(files += 1)}.raw`);
  const checkpoint = server?.checkpoint ?? '';
  await stage.snapbank.run(['export', checkpoint, '--output', output, '--format', 'raw']);
  return { imageKind: server?.imageKind, marks: await marksOnDisk(output) };
}

describe('enable_server_snapshot', () => {
  it('false backs up the boot image, without what the user wrote, and says so', async () => {
    expect(await backUp(['--enable-server-snapshot', 'false'])).toEqual(nothingOfTheUser);
  });

  it('false in the environment does the same', async () => {
    expect(await backUp([], { ENABLE_SERVER_SNAPSHOT: 'false' })).toEqual(nothingOfTheUser);
  });

  it('true on the command line counts more than the environment', async () => {
    const args = ['--enable-server-snapshot', 'true'];

    expect(await backUp(args, { ENABLE_SERVER_SNAPSHOT: 'false' })).toEqual(allOfTheUser());
  });

  it('is true by default', async () => {
    expect(await backUp([])).toEqual(allOfTheUser());
  });

  it('anything else is refused before anything is done', async () => {
    await stage.snapbank.backup(['--server', name], {
      env: { ENABLE_SERVER_SNAPSHOT: 'maybe' },
      exitCode: 2,
    });
    await stage.snapbank.backup(['--server', name, '--enable-server-snapshot', 'yes'], {
      exitCode: 2,
    });
  });

  it('either way leaves the boot image where it was, and nothing else', async () => {
    await stage.guests.deleteAll();

    expect((await stage.lab.openstack.images.show(await stage.guests.bootImageId())).status).toBe(
      'active',
    );
    expect(await leftovers(stage.lab, [guest.id, name])).toEqual([]);
  });
});
