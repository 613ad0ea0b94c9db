import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printBackupFigures } from './figures.ts';
import type { Guest } from './guests.ts';
import { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { connectLab } from './lab.ts';
import { leftovers } from './leftovers.ts';
import { marksOnDisk } from './marks-on-disk.ts';
import { Snapbank } from './snapbank.ts';
import { uniqueName } from './unique-name.ts';

let lab: Lab;
let guests: Guests;
let snapbank: Snapbank;
let guest: Guest;
const name = uniqueName('bare');
let files = 0;

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

const nothingOfTheUser = { imageKind: 'boot-image', marks: [] };
const allOfTheUser = () => ({ imageKind: 'snapshot', marks: [{ ...guest.marks[0], whole: true }] });

/** A backup made with these options: what its summary calls it, and the marks on its disk. */
async function backUp(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const run = await snapbank.backup(['--server', name, ...args], { env });
  const title = [...args, ...Object.entries(env).flat()].join(' ');
  printBackupFigures(title === '' ? 'by default' : title, run);
  const [server] = run.summary.servers;
  const output = join(snapbank.directory, `disk-${(files += 1)}.raw`);
  const checkpoint = server?.checkpoint ?? '';
  await snapbank.run(['export', checkpoint, '--output', output, '--format', 'raw']);
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
    await snapbank.backup(['--server', name], {
      env: { ENABLE_SERVER_SNAPSHOT: 'maybe' },
      exitCode: 2,
    });
    await snapbank.backup(['--server', name, '--enable-server-snapshot', 'yes'], { exitCode: 2 });
  });

  it('either way leaves the boot image where it was, and nothing else', async () => {
    await guests.deleteAll();

    expect((await lab.openstack.images.show(await guests.bootImageId())).status).toBe('active');
    expect(await leftovers(lab, [guest.id, name])).toEqual([]);
  });
});
