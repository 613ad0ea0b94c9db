import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecord } from '../../lib/bank/register/records.ts';
import type { DemoCloud, DemoProject } from '../../local/demo-cloud/demo-cloud.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;

describe('a backup by an administrator', () => {
  let world: World;
  let admin: DemoProject;
  let mine: string;
  let theirs: string;
  const data = randomBytes(MIB);

  const administrator = (cloud: DemoCloud) => {
    admin = cloud.addProject({ name: 'operators', admin: true });
    const { id, secret } = admin.applicationCredential;
    return { OS_APPLICATION_CREDENTIAL_ID: id, OS_APPLICATION_CREDENTIAL_SECRET: secret };
  };
  beforeEach(async () => {
    world = await startWorld({ cloudEnvironment: administrator });
    theirs = await world.addServer('web', data, { tags: ['nightly'] });
    mine = await world.addServer('console', data, { projectId: admin.projectId });
  });
  afterEach(async () => {
    await world.close();
  });

  it('is of its own project, unless all are asked for', async () => {
    expect([...(await world.backUp()).keys()]).toEqual([mine]);

    const everywhere = await world.backUp({ all_projects: true });

    expect([...everywhere.keys()].sort()).toEqual([mine, theirs].sort());
  });

  it.each([{ servers: ['web'] }, { tags: ['nightly'] }])(
    'chooses in all projects by %o',
    async (chosen) => {
      const checkpoints = await world.backUp({ ...chosen, all_projects: true });

      expect([...checkpoints.keys()]).toEqual([theirs]);
      expect(await world.leftovers()).toEqual([]);
    },
  );

  it("belongs to the server's project, so that its own backups build on it", async () => {
    const [checkpoint = ''] = (await world.backUp({ servers: [theirs] })).values();

    const head = await readRecord(await world.services.register(), checkpoint);

    expect(head).toMatchObject({
      value: { server: { projectId: world.cloud.projectId, serverId: theirs } },
    });
  });

  it("is restored into the credential's project, which is said, and without groups that only the other has", async () => {
    const { cloud } = world;
    const networkId = cloud.addNetwork({ name: 'office', shared: true });
    cloud.addSubnet({ networkId, cidr: '10.1.0.0/24' });
    cloud.addSecurityGroup({ name: 'web' });
    const grouped = await world.addServer('grouped', data, {
      securityGroups: ['web'],
      networks: [{ networkId }],
    });
    const [checkpoint = ''] = (await world.backUp({ servers: [grouped] })).values();

    const outcome = await world.run('restore', { checkpoint, name: 'again', check: true });

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { identical: true } });
    const { notRestored } = outcome.output as { notRestored: { what: string }[] };
    expect(notRestored.map(({ what }) => what)).toEqual(
      expect.arrayContaining([`project ${cloud.projectId}`, 'security group web']),
    );
    const [made] = cloud.inventory().servers.filter(({ name }) => name === 'again');
    expect(made?.projectId).toBe(admin.projectId);
  });
});

it('is refused to those who are none', async () => {
  const world = await startWorld();
  try {
    const outcome = await world.run('backup', { all_projects: true });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'Forbidden' });
  } finally {
    await world.close();
  }
});
