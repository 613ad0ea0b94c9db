import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Guest } from './guests.ts';
import { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { connectLab } from './lab.ts';
import { leftovers } from './leftovers.ts';
import { Snapbank } from './snapbank.ts';
import { uniqueName } from './unique-name.ts';

let lab: Lab;
let guests: Guests;
let snapbank: Snapbank;
let guest: Guest;
const name = uniqueName('stopped');

beforeAll(async () => {
  lab = await connectLab();
  guests = new Guests(lab);
  snapbank = await Snapbank.withNewBank(lab);
  guest = await guests.boot(name);
  await guests.stop(guest);
});

afterAll(async () => {
  await guests.deleteAll();
  await snapbank.remove();
  lab.openstack.close();
});

describe('a server that is SHUTOFF', () => {
  it('is backed up as stopped, and stays so', async () => {
    const { summary } = await snapbank.backup(['--server', name]);

    expect(summary.servers).toMatchObject([{ id: guest.id, consistency: 'stopped', error: null }]);
    expect((await lab.openstack.servers.show(guest.id)).status).toBe('SHUTOFF');
  });

  it('comes back, and boots with its data', async () => {
    await guests.delete(guest.id);

    const { summary } = await snapbank.restore(`${name}@latest`);
    guests.adopt(summary);

    const { found } = await guests.report(summary.serverId ?? '', 2);
    expect(found).toEqual([{ ...guest.marks[0], whole: true }]);
  });

  it('leaves nothing in the cloud', async () => {
    await guests.deleteAll();

    expect(await leftovers(lab, [guest.id, name])).toEqual([]);
  });
});
