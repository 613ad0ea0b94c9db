import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import type { Credential } from './credentials.ts';
import { createCredential, deleteCredential } from './credentials.ts';
import { eventually } from './eventually.ts';
import { Guests } from './guests.ts';
import type { Lab } from './lab.ts';
import { labAs } from './lab.ts';
import { leftovers, leftoversInBank } from './leftovers.ts';
import type { BackupSummary } from './snapbank.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

const name = uniqueName('refused');
const mebibyte = 1024 ** 2;
let small: Lab;
let smallVariables: Record<string, string | undefined>;
let guestsOfSmall: Guests;
let serverId: string;
let serverOfSmall: string;
const credentials: Credential[] = [];

const stage = useStage(async ({ lab, guests }) => {
  smallVariables = {
    OS_APPLICATION_CREDENTIAL_ID: lab.env['LAB_SMALL_APPLICATION_CREDENTIAL_ID'],
    OS_APPLICATION_CREDENTIAL_SECRET: lab.env['LAB_SMALL_APPLICATION_CREDENTIAL_SECRET'],
  };
  small = await labAs(lab, smallVariables);
  guestsOfSmall = new Guests(small);
  serverId = await guests.create(name);
  serverOfSmall = await guestsOfSmall.create(`${name}-small`);
  await guests.waitFor(serverId, 'ACTIVE');
  await guestsOfSmall.waitFor(serverOfSmall, 'ACTIVE');
});

afterAll(async () => {
  await guestsOfSmall?.deleteAll();
  await guestsOfSmall?.deleteSnapshots();
  for (const credential of credentials) await deleteCredential(stage.lab, credential);
});

/** A backup that fails; its only server, or what it says where none was begun. */
async function failing(server: string, env: Record<string, string | undefined>, exitCode = 1) {
  const run = await stage.snapbank.backup(['--server', server], { env, exitCode });
  return run.summary.servers?.[0]?.error ?? run.stderr;
}

describe('a quota of images', () => {
  it('that is full is named, and no image is left beside those that filled it', async () => {
    const { images } = small.openstack;
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      made.push((await images.create({ name: `${name}-filler`, diskFormat: 'raw' })).id);
    }
    try {
      expect(await failing(serverOfSmall, smallVariables)).toMatchObject({ name: 'QuotaExceeded' });
      expect(await leftovers(small, [serverOfSmall])).toEqual([
        `server ${serverOfSmall} (${name}-small)`,
      ]);
    } finally {
      for (const id of made) await images.delete(id);
    }
  });

  it('of bytes that is exceeded makes the snapshot fail, as Nova shows it', async () => {
    const { images } = small.openstack;
    const { id } = await images.create({ name: `${name}-filler`, diskFormat: 'raw' });
    try {
      await images.upload(id, Readable.from([Buffer.alloc(2 * mebibyte)]));

      expect(await failing(serverOfSmall, smallVariables)).toMatchObject({
        name: 'SnapshotFailed',
        message: expect.stringMatching(/removed the image|action/),
      });
      expect(await leftovers(small, [serverOfSmall])).toEqual([
        `server ${serverOfSmall} (${name}-small)`,
      ]);
    } finally {
      await images.delete(id);
    }
  });
});

describe('a credential', () => {
  it('with a wrong secret is refused before anything is done', async () => {
    const env = { OS_APPLICATION_CREDENTIAL_SECRET: 'wrong' };

    const said = await failing(serverId, env, 2);

    expect(said).toMatch(/AuthenticationFailed: [^]*rejects the secret/);
  });

  it('that has expired is refused, which is said', async () => {
    const expired = await createCredential(stage.lab, `${name}-expired`, { lifeSeconds: 2 });
    credentials.push(expired);
    const { openstack } = await labAs(stage.lab, expired.variables);
    await eventually('the credential expired', 30, async () => {
      const refused = await openstack.identity().then(
        () => false,
        () => true,
      );
      return refused ? true : undefined;
    });

    const said = await failing(serverId, { ...expired.variables }, 2);

    expect(said).toMatch(/AuthenticationFailed: [^]*expired/);
  });

  it('deleted in the middle ends the backup with one error, and the next one clears up', async () => {
    const doomed = await createCredential(stage.lab, `${name}-doomed`);
    credentials.push(doomed);
    const running = stage.snapbank.start<BackupSummary>(['backup', '--server', serverId], {
      env: { ...doomed.variables },
    });
    const filter = { properties: { instance_uuid: serverId } };
    await eventually('a snapshot', 60, async () => {
      for await (const image of stage.lab.openstack.images.list(filter)) return image.id;
      return undefined;
    });
    await deleteCredential(stage.lab, doomed);
    const run = await running.ended;

    // What a service has cached of a token it may believe for some minutes more: then the backup is done before anybody notices.
    const [server] = run.summary.servers;
    console.log(`deleted in the middle: ${server?.status} ${server?.error?.name ?? ''}`);
    if (run.exitCode !== 0) expect(server?.error?.name).toBe('AuthenticationFailed');

    await stage.snapbank.backup(['--server', serverId]);
    expect(await leftovers(stage.lab, [serverId])).toEqual([`server ${serverId} (${name})`]);
  });
});

describe('an administrator', () => {
  it('backs up a server of another project, under that project', async () => {
    const admin = {
      OS_AUTH_TYPE: 'password',
      OS_APPLICATION_CREDENTIAL_ID: undefined,
      OS_APPLICATION_CREDENTIAL_SECRET: undefined,
      OS_USERNAME: 'admin',
      OS_PASSWORD: stage.lab.env['LAB_ADMIN_PASSWORD'],
      OS_PROJECT_NAME: 'admin',
      OS_USER_DOMAIN_ID: 'default',
      OS_PROJECT_DOMAIN_ID: 'default',
    };
    const { events } = await stage.snapbank.run<BackupSummary>(['protectables', '--all-projects'], {
      env: admin,
    });
    expect(JSON.stringify(events)).toContain(serverOfSmall);

    const args = ['--server', `${name}-small`, '--all-projects'];
    const { summary } = await stage.snapbank.backup(args, { env: admin });

    expect(summary.servers).toMatchObject([{ id: serverOfSmall, status: 'succeeded' }]);
    const shown = await stage.snapbank.run(['show', summary.servers[0]?.checkpoint ?? '']);
    expect(shown.events.at(-1)).toMatchObject({
      server: { projectId: stage.lab.env['LAB_SMALL_PROJECT_ID'], serverId: serverOfSmall },
    });
    // The snapshot was an image of the administrator's project.
    const { openstack } = await labAs(stage.lab, admin);
    const filter = { properties: { instance_uuid: serverOfSmall } };
    for await (const image of openstack.images.list(filter)) expect(image).toBeUndefined();
    openstack.close();
  });

  it('is what --all-projects wants', async () => {
    const run = await stage.snapbank.backup(['--all', '--all-projects'], { exitCode: 1 });

    expect(run.stderr).toContain('Forbidden');
  });
});

it('nothing is left in the cloud or open in the bank', async () => {
  await stage.guests.deleteAll();
  await guestsOfSmall.deleteAll();

  const words = [name, serverId, serverOfSmall];
  expect(await leftovers(stage.lab, words)).toEqual([]);
  expect(await leftovers(small, words)).toEqual([]);
  expect(await leftoversInBank(stage.snapbank)).toEqual([]);
});
