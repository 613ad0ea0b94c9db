import { afterAll, describe, expect, it } from 'vitest';
import type { Guest } from './guests.ts';
import { Guests, ownNetwork, sharedNetwork } from './guests.ts';
import type { Lab } from './lab.ts';
import { labAs } from './lab.ts';
import { leftovers } from './leftovers.ts';
import type { RestoreSummary } from './snapbank.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

/** The lab's administrator, whose project is another one. */
const administrator = (lab: Lab) => ({
  OS_AUTH_TYPE: 'password',
  OS_APPLICATION_CREDENTIAL_ID: undefined,
  OS_APPLICATION_CREDENTIAL_SECRET: undefined,
  OS_USERNAME: 'admin',
  OS_PASSWORD: lab.env['LAB_ADMIN_PASSWORD'],
  OS_USER_DOMAIN_NAME: 'Default',
  OS_PROJECT_NAME: 'admin',
  OS_PROJECT_DOMAIN_NAME: 'Default',
});

const name = uniqueName('elsewhere');
let guest: Guest;
let there: { lab: Lab; guests: Guests };
let env: ReturnType<typeof administrator>;

const stage = useStage(async ({ lab, guests }) => {
  env = administrator(lab);
  const other = await labAs(lab, env);
  there = { lab: other, guests: new Guests(other) };
  const networks = [{ networkId: await guests.networkId(ownNetwork) }];
  guest = await guests.boot(name, { networks });
  await stage.snapbank.backup(['--server', name]);
});
afterAll(async () => {
  await there?.guests.deleteAll();
  there?.lab.openstack.close();
});

describe('a checkpoint in another project', () => {
  it('is planned with what there is in the place of what there is not', async () => {
    const args = ['restore', `${name}@latest`, '--plan', '--map', 'flavor:lab.tiny=lab.tinny'];

    const { summary } = await stage.snapbank.run<{ possible: boolean; plan: unknown }>(args, {
      env,
      exitCode: 1,
    });

    expect(summary).toMatchObject({
      possible: false,
      plan: {
        server: null,
        needs: [
          {
            kind: 'flavor',
            from: 'lab.tiny',
            give: '--map flavor:lab.tiny=?',
            candidates: expect.arrayContaining([{ id: '102', name: 'lab.tiny' }]),
          },
        ],
      },
    });
  });

  it('becomes a server of that project on the network that was asked for, with its data', async () => {
    const args = ['--map', `network:${ownNetwork}=${sharedNetwork}`, '--check'];

    const { summary } = await stage.snapbank.run<RestoreSummary>(
      ['restore', `${name}@latest`, ...args],
      { env },
    );

    there.guests.adopt(summary);
    expect(summary.identical).toBe(true);
    const { openstack } = there.lab;
    const { projectId } = await openstack.identity();
    const serverId = summary.serverId ?? '';
    const server = await openstack.servers.show(serverId);
    expect(server).toMatchObject({ name, projectId, flavor: { name: 'lab.tiny' } });
    expect(Object.keys(server.addresses)).toEqual([sharedNetwork]);
    expect(projectId).not.toBe(stage.lab.env['LAB_PROJECT_ID']);
    const { found } = await there.guests.report(serverId, 2);
    expect(found).toEqual([{ ...guest.marks[0], whole: true }]);
    expect((await stage.lab.openstack.servers.show(guest.id)).status).toBe('ACTIVE');
  });

  it('leaves nothing in either', async () => {
    await there.guests.deleteAll();
    await stage.guests.deleteAll();

    const { servers, images } = there.lab.openstack;
    for await (const server of servers.list()) expect(server.name).not.toContain(name);
    for await (const image of images.list()) expect(image.name).not.toContain(name);
    expect(await leftovers(stage.lab, [guest.id, name])).toEqual([]);
  });
});
