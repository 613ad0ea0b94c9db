import { describe, expect, it } from 'vitest';
import type { Guest } from './guests.ts';
import { sharedNetwork } from './guests.ts';
import { leftovers } from './leftovers.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

let guest: Guest;
let notRestored: unknown[];
const name = uniqueName('stopped');

const stage = useStage(async () => {
  guest = await stage.guests.boot(name, {
    networks: [{ networkId: await stage.guests.networkId(sharedNetwork) }],
  });
  await stage.guests.stop(guest);
});

describe('a server that is SHUTOFF', () => {
  it('is backed up as stopped, and stays so', async () => {
    const { summary } = await stage.snapbank.backup(['--server', name]);

    expect(summary.servers).toMatchObject([{ id: guest.id, consistency: 'stopped', error: null }]);
    expect((await stage.lab.openstack.servers.show(guest.id)).status).toBe('SHUTOFF');
  });

  it('comes back, and boots with its data', async () => {
    await stage.guests.delete(guest.id);

    const { summary } = await stage.snapbank.restore(`${name}@latest`);
    stage.guests.adopt(summary);
    notRestored = summary.notRestored;

    const { found } = await stage.guests.report(summary.serverId ?? '', 2);
    expect(found).toEqual([{ ...guest.marks[0], whole: true }]);
  });

  it('says that it has another address, on a network where only others may choose one', () => {
    expect(notRestored).toContainEqual(
      expect.objectContaining({ what: expect.stringContaining(sharedNetwork) }),
    );
  });

  it('leaves nothing in the cloud', async () => {
    await stage.guests.deleteAll();

    expect(await leftovers(stage.lab, [guest.id, name])).toEqual([]);
  });
});
