import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import { type Collected, runCollected } from './run-collected.ts';

const MIB = 1024 ** 2;

const NOBODY = '00000000-0000-4000-8000-000000000000';

let directory: string;
let cloud: DemoCloud;
let serverId: string;
const data = randomBytes(MIB);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapbank-cli-'));
  cloud = await startDemoCloud();
  const flavorId = cloud.addFlavor({ name: 'm1', vcpus: 1, ramMib: 64, diskGib: 0 });
  const imageId = await cloud.addImage({
    name: 'base',
    content: Buffer.alloc(8 * MIB, 'x'),
    diskFormat: 'raw',
  });
  serverId = await cloud.addServer({ name: 'web-1', imageId, flavorId });
  await cloud.writeGuest(serverId, MIB, data);
});
afterAll(async () => {
  await cloud.close();
  await rm(directory, { recursive: true, force: true });
});

async function snapbank(
  argv: string[],
  env: Record<string, string | undefined> = {},
  onStopRequest: (listener: () => void) => void = () => {},
  columns?: number,
): Promise<Collected> {
  return await runCollected(argv, {
    env: {
      HOME: directory,
      ...cloud.environment,
      SNAPBANK_BANK: join(directory, 'bank'),
      SNAPBANK_KEY_FILE: join(directory, 'key'),
      ...env,
    },
    cwd: directory,
    columns,
    onStopRequest,
  });
}

async function exported(file: string, ...options: string[]): Promise<Collected> {
  return await snapbank(['export', 'web-1@latest', '--output', join(directory, file), ...options]);
}

/** Servers that a proof of a boot made. */
const twins = () => cloud.inventory().servers.filter(({ name }) => name.includes('proof'));

describe('the snapbank command', () => {
  it('says what to type when there is no bank yet', async () => {
    const ran = await snapbank(['backup', '--all']);

    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toMatch(/BankNotFound.*snapbank bank init/s);
  });

  it('says what to set when nothing is configured', async () => {
    const bank = await snapbank(['checkpoints'], { SNAPBANK_BANK: undefined });
    const cloudless = await snapbank(['protectables'], {
      OS_AUTH_URL: undefined,
      OS_AUTH_TYPE: undefined,
      OS_APPLICATION_CREDENTIAL_ID: undefined,
      OS_APPLICATION_CREDENTIAL_SECRET: undefined,
    });

    expect(bank).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('SNAPBANK_BANK') });
    expect(cloudless).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('OS_CLOUD') });
  });

  it('lists what could be backed up before there is a bank', async () => {
    expect(await snapbank(['protectables'], { SNAPBANK_BANK: undefined })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('web-1'),
    });
  });

  it('does not make a bank that is to be sealed and not sealed', async () => {
    const other = ['bank', 'init', '--unsealed', '--bank', join(directory, 'both')];

    for (const [sealing, named] of [
      [['--passphrase'], '--passphrase'],
      [['--recipient', 'x'], '--recipient'],
      [['--key-file', join(directory, 'new')], '--key-file'],
    ] as const) {
      expect(
        await snapbank([...other, ...sealing], { SNAPBANK_KEY_FILE: undefined }),
      ).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(new RegExp(`--unsealed.*${named}`)),
      });
    }
    expect(existsSync(join(directory, 'both'))).toBe(false);
  });

  it('makes a bank, and a key that only its owner can read', async () => {
    const ran = await snapbank(['bank', 'init']);

    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await stat(join(directory, 'key'))).mode & 0o777).toBe(0o600);
    expect((await snapbank(['bank', 'init'])).stderr).toContain('BankExists');
    expect((await snapbank(['bank', 'info', '--json'])).events.at(-1)).toMatchObject({
      type: 'summary',
      sealed: true,
      access: 'reader',
    });
  });

  it('refuses to make a bank of which nobody said how it is sealed', async () => {
    const ran = await snapbank(['bank', 'init', '--bank', join(directory, 'other')], {
      SNAPBANK_KEY_FILE: undefined,
    });

    expect(ran).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--unsealed') });
  });

  it('lists the servers that can be backed up', async () => {
    const ran = await snapbank(['protectables', '--json']);

    expect(ran.events[0]).toMatchObject({
      type: 'protectable',
      protectable: { id: serverId, children: [{ extra_info: { server_id: serverId } }] },
    });
    expect((await snapbank(['protectables'])).stdout).toContain('web-1');
  });

  it('asks which servers to back up', async () => {
    expect(await snapbank(['backup'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--server'),
    });
    expect((await snapbank(['backup', '--all', '--tag', 'x'])).exitCode).toBe(2);
    expect(
      (await snapbank(['backup', '--enable-server-snapshot', 'maybe', '--all'])).exitCode,
    ).toBe(2);
    expect((await snapbank(['bakcup'])).exitCode).toBe(2);
  });

  it('backs up and ends with a summary', async () => {
    const ran = await snapbank(['backup', '--server', 'web-1', '--json']);

    expect(ran.exitCode).toBe(0);
    expect(ran.events.at(-1)).toMatchObject({
      type: 'summary',
      failed: 0,
      servers: [
        {
          id: serverId,
          name: 'web-1',
          status: 'succeeded',
          diskBytes: 8 * MIB,
          error: null,
          checkpoint: expect.stringMatching(/^[0-9a-f]{24}$/),
        },
      ],
    });
  });

  it('ends with 1 and names the error when a server fails', async () => {
    const ran = await snapbank(['backup', '--server', 'web-1', '--server', NOBODY, '--json']);

    expect(ran.exitCode).toBe(1);
    expect(ran.events.at(-1)).toMatchObject({
      succeeded: 1,
      failed: 1,
      servers: expect.arrayContaining([
        expect.objectContaining({
          id: NOBODY,
          error: expect.objectContaining({ name: 'ServerNotFound' }),
        }),
      ]),
    });
  });

  it('says in the words of the options what is wrong with them, before anything starts', async () => {
    for (const [argv, said] of [
      [['prune', '--keep-last', '0'], '--keep-last is "0"; give a whole number from 1'],
      [['prune', '--keep-daily', 'x'], '--keep-daily is "x"'],
      [['prune', '--keep-within', '3 days'], '--keep-within is "3 days"; give a span such as'],
      [['collect-garbage', '--undelete-days', 'x'], '--undelete-days is "x"; give a number'],
      [['backup', '--server', 'web-1', '--all'], '--all does not go with --server.'],
      [['verify', 'web-1@latest', '--all'], '--all does not go with a checkpoint.'],
      [['verify', '--server', 'web-1', '--all'], '--all does not go with --server.'],
      [['verify', 'web-1', '--all'], '--all does not go with a server.'],
      [['verify', 'web-1@latest', '--plan', 'nightly'], 'by itself, without --plan'],
      [['backup', '--all', '--plan', 'Every night'], '--plan is "Every night"; give a name'],
      [['prune', '--keep-last', '1', '--time-zone', 'Europe/Viena'], 'Near: Europe/Vienna'],
      [['prune', '--keep-last', '1', '--time-zone', 'vienna'], 'Near: Europe/Vienna'],
      [
        ['prune', '--keep-last', '1', '--time-zone', 'Mars/Olympus'],
        '"Mars/Olympus" is no time zone',
      ],
      [['checkpoints', '--server', 'nosuch'], 'CheckpointNotFound'],
      [['export', 'web-1@latest', '--output', '-'], '--output - is not possible'],
    ] as const) {
      const ran = await snapbank([...argv]);
      expect(ran).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(said) });
    }
    expect((await snapbank(['backup', '--nosuch', '--json'])).events).toMatchObject([
      { type: 'error', message: expect.stringContaining('--nosuch') },
    ]);
  });

  it('exports in the format that the file is named after', async () => {
    expect((await exported('a.qcow2')).stdout).toContain('(qcow2,');
    expect((await exported('a.raw')).stdout).toContain('(raw,');
    expect((await exported('a.img')).stdout).toContain('(raw,');
    const contradicted = await exported('b.qcow2', '--format', 'raw');
    expect(contradicted.stdout).toContain('(raw,');
    expect(contradicted.stderr).toContain('b.qcow2 will hold raw (--format)');
  });

  it('says what to do about a failure inside the execution', async () => {
    const server = await snapbank(['backup', '--server', NOBODY]);
    const whole = await snapbank(['restore', 'web-1@latest', '--flavor', 'huge']);

    expect(server.stdout).toMatch(/ServerNotFound.*\n {2}Check the id, the project/);
    expect(whole.stderr).toMatch(
      /RestoreNotPossible(.*\n)+ {2}Give what the message says for each/,
    );
  });

  it('refuses a tag or a name that no server has, and only warns of a project without servers', async () => {
    const tag = await snapbank(['backup', '--tag', 'nighlty', '--json']);

    expect(tag).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/NoServerSelected.*"nighlty".*\n {2}See names and tags/),
    });
    expect(tag.events.at(-1)).toMatchObject({ type: 'error', name: 'NoServerSelected' });
    expect(await snapbank(['backup', '--server', 'web-1', '--server', 'web-l'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/NoServerSelected.*"web-l"; nothing.*Near: web-1\./),
    });
    const empty = cloud.addProject({ name: 'empty' });
    const all = await snapbank(['backup', '--all'], {
      OS_APPLICATION_CREDENTIAL_ID: empty.applicationCredential.id,
      OS_APPLICATION_CREDENTIAL_SECRET: empty.applicationCredential.secret,
    });
    expect(all).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('no server') });
  });

  it.each([
    [
      'a wrong secret',
      { OS_APPLICATION_CREDENTIAL_SECRET: 'wrong' },
      /AuthenticationFailed.*\n {2}/,
    ],
    [
      'a cloud that is not there',
      { OS_AUTH_URL: 'http://127.0.0.1:9/v3' },
      /OpenStackUnavailable.*\n {2}/,
    ],
    [
      'a bank that is not there',
      { SNAPBANK_BANK: '/nowhere/bank' },
      /BankNotFound.*snapbank bank init/s,
    ],
    ['a bank with a wrong key', { SNAPBANK_KEY_FILE: '/nowhere/key' }, /KeyFileUnusable.*\n {2}/],
    ['a region without services', { OS_REGION_NAME: 'Nowhere' }, /EndpointNotFound.*\n {2}/],
  ])('says what to do about %s', async (_what, env, said) => {
    const ran = await snapbank(['backup', '--all'], env);

    expect(ran.exitCode).toBeGreaterThan(0);
    expect(ran.stderr).toMatch(said);
  });

  it('lists checkpoints, the newest first, and shows one', async () => {
    const { events } = await snapbank(['checkpoints', '--server', 'web-1', '--json']);
    const checkpoints = events.filter(({ type }) => type === 'checkpoint');

    expect(checkpoints).toHaveLength(2);
    expect(String(checkpoints[0]?.['createdAt']) >= String(checkpoints[1]?.['createdAt'])).toBe(
      true,
    );
    expect((await snapbank(['show', 'web-1@latest'])).stdout).toContain('crash-consistent');
    expect(await snapbank(['show', 'ffff'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('CheckpointNotFound'),
    });
  });

  it.each(['raw', 'qcow2'])('exports the disk as %s, and never over a file', async (format) => {
    const file = join(directory, `disk.${format}`);

    const ran = await snapbank(['export', 'web-1@latest', '--output', file, '--format', format]);

    expect(ran.exitCode).toBe(0);
    const bytes = await readFile(file);
    if (format === 'raw') {
      expect(bytes.length).toBe(8 * MIB);
      expect(Buffer.compare(bytes.subarray(MIB, 2 * MIB), data)).toBe(0);
    } else {
      expect(bytes.subarray(0, 4).toString('latin1')).toBe('QFI\u00fb');
    }
    expect(await snapbank(['export', 'web-1@latest', '--output', file])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('it exists'),
    });
  });

  it('verifies, needs no cloud for it, and shows since when a checkpoint is proven', async () => {
    const cloudless = { OS_AUTH_URL: undefined, OS_AUTH_TYPE: undefined };

    const ran = await snapbank(['verify', '--all', '--json'], cloudless);

    expect(ran.exitCode).toBe(0);
    expect(ran.events.at(-1)).toMatchObject({
      type: 'summary',
      level: 'data',
      checkpoints: [{ status: 'sound', proven: true }, { status: 'sound' }],
      damaged: 0,
    });
    expect((await snapbank(['verify', 'web-1@latest'])).stdout).toMatch(/1 of 1 sound/);
    const { events } = await snapbank(['checkpoints', '--json']);
    expect(events[0]).toMatchObject({ lastProven: expect.stringContaining('T') });
    expect((await snapbank(['verify', 'web-1'])).stdout).toMatch(/2 of 2 sound/);
    expect(await snapbank(['verify', 'wbe-1'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Near: web-1'),
    });
    expect((await snapbank(['verify'])).exitCode).toBe(2);
    expect((await snapbank(['verify', '--all', '--sample', 'some'])).exitCode).toBe(2);
  });

  it('ends a verification that finds damage with 1, and says what it hurts', async () => {
    const packs = join(directory, 'bank', 'packs');
    const [pack = ''] = (await readdir(packs, { recursive: true })).filter((name) =>
      name.endsWith('-0'),
    );
    const bytes = await readFile(join(packs, pack));
    await rm(join(packs, pack));

    const ran = await snapbank(['verify', '--all', '--level', 'packs']);

    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toMatch(/damaged .*PackMissing: packs.* hurts disk 0, guest addresses/s);
    await writeFile(join(packs, pack), bytes);
    expect((await snapbank(['verify', '--all'])).stdout).toContain('marked are sound again');
  });

  it('prunes by rules, deletes by name, and brings back', async () => {
    const planned = await snapbank(['prune', '--keep-last', '1', '--dry-run']);
    expect(planned.stdout).toMatch(/keep +last.*go +no rule keeps it.*1 checkpoint would go/s);
    expect((await snapbank(['prune'])).stderr).toContain('--keep-daily');
    expect((await snapbank(['prune', '--keep-last', 'x'])).exitCode).toBe(2);

    const pruned = await snapbank(['prune', '--keep-last', '1', '--json']);

    expect(pruned.events.at(-1)).toMatchObject({ pruned: 1, kept: 1 });
    const { events } = await snapbank(['checkpoints', '--json']);
    const gone = events.find(({ state }) => state === 'DELETING');
    const checkpoint = String(gone?.['checkpoint']);
    const back = await snapbank(['undelete', checkpoint]);
    expect(back.stdout).toContain('COMMITTED again');
    expect((await snapbank(['delete', checkpoint, '--json'])).events.at(-1)).toMatchObject({
      checkpoint,
      state: 'DELETING',
    });
    const again = await snapbank(['undelete', 'web-1@latest']);
    expect(again).toMatchObject({
      exitCode: 0,
      stdout: `${checkpoint} is COMMITTED again.\n`,
    });
    const nothing = await snapbank(['undelete', checkpoint]);
    expect(nothing).toMatchObject({
      exitCode: 0,
      stdout: `${checkpoint} is not deleted; nothing was done.\n`,
    });
    expect(await snapbank(['undelete', 'web-1@latest'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('latest DELETING one of a server called "web-1"'),
    });
  });

  it('backs up under a plan, and lists, verifies and prunes what that plan made alone', async () => {
    for (let night = 0; night < 2; night += 1) {
      const name = `night-${String(night)}`;
      const backup = ['backup', '--server', 'web-1', '--plan', 'nightly', '--execution', name];
      expect((await snapbank(backup)).exitCode).toBe(0);
    }

    const { events } = await snapbank(['checkpoints', '--plan', 'nightly', '--json']);
    expect(events.map(({ plan }) => plan)).toEqual(['nightly', 'nightly', undefined]);
    expect((await snapbank(['checkpoints'])).stdout).toMatch(/SERVER +PLAN .*web-1 +nightly/s);
    expect((await snapbank(['show', 'web-1@latest'])).stdout).toMatch(/^Plan +nightly$/m);
    const level = ['--level', 'packs'];
    const verified = await snapbank(['verify', '--plan', 'nightly', ...level]);
    expect(verified.stdout).toContain('2 of 2 sound');
    const pruned = await snapbank(['prune', '--plan', 'nightly', '--keep-last', '1', '--json']);
    expect(pruned.events.at(-1)).toMatchObject({ pruned: 1, kept: 1 });
    expect(await snapbank(['verify', '--plan', 'nigthly'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Near: nightly'),
    });
  });

  it('shows what was verified on 80 columns, with whole ids', async () => {
    const { stdout } = await snapbank(['verify', 'web-1'], {}, () => {}, 80);

    const rows = stdout.split('\n').filter((line) => /^[0-9a-f]{24} /.test(line));
    expect(rows.length).toBeGreaterThan(1);
    for (const row of rows) {
      expect(row).toMatch(/ web-1 .* sound +yes$/);
      expect(row.length).toBeLessThanOrEqual(80);
    }
  });

  it('plans a restore, and restores', async () => {
    const planned = await snapbank(['restore', 'web-1@latest', '--plan', '--json']);
    expect(planned.events.at(-1)).toMatchObject({
      type: 'summary',
      plan: { server: { name: 'web-1' } },
    });

    const ran = await snapbank(['restore', 'web-1@latest', '--name', 'web-2', '--check', '--json']);

    expect(ran.exitCode).toBe(0);
    const summary = ran.events.at(-1) as { serverId: string };
    expect(summary).toMatchObject({ type: 'summary', identical: true, bytes: 8 * MIB });
    expect(Buffer.compare(await cloud.readGuest(summary.serverId, MIB, MIB), data)).toBe(0);
  });

  it('boots a twin and shows since when that is proven, or names the text that its console did not show', async () => {
    const boot = ['verify', 'web-1@latest', '--boot', '--console'];

    const wrong = await snapbank([...boot, 'no such prompt:', '--boot-seconds', '1']);
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toMatch(/BootNotProven.*no such prompt:/s);
    expect(twins()).toEqual([]);

    const right = await snapbank([...boot, 'demo guest of server']);
    expect(right).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('its console showed "demo guest of server"'),
    });
    expect(twins()).toEqual([]);
    expect((await snapbank(['show', 'web-1@latest'])).stdout).toMatch(/^Last proven .*booted/m);
    expect((await snapbank(['checkpoints'])).stdout).toMatch(/CREATED .* LAST PROVEN\n/);
  });

  it('names a wrong key', async () => {
    const other = join(directory, 'other-key');
    await snapbank(['bank', 'init', '--bank', join(directory, 'third'), '--key-file', other]);

    const ran = await snapbank(['checkpoints', '--key-file', other]);

    expect(ran).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('WrongKey') });
  });

  it('backs up with a key that cannot read what it stored', async () => {
    const bank = join(directory, 'asymmetric');
    const writer = join(directory, 'writer-key');
    const reader = join(directory, 'reader-key');
    await snapbank(['bank', 'make-key', reader]);
    const init = ['bank', 'init', '--bank', bank, '--key-file', reader];
    const made = await snapbank([...init, '--write-only-key-file', writer]);
    expect(made.stdout).toContain(`Its key is ${reader}, which was there already.`);
    expect(made.stdout).toContain(`Its write-only key is ${writer}, which was made now`);

    const backup = await snapbank(['backup', '--all', '--bank', bank, '--key-file', writer]);
    const restore = await snapbank([
      'restore',
      'web-1@latest',
      '--image-only',
      '--bank',
      bank,
      '--key-file',
      writer,
    ]);

    expect(backup.exitCode).toBe(0);
    expect(restore).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('KeyMissing') });
  });

  it('shows no secret of the cloud or the bank at debug level', async () => {
    const ran = await snapbank(['backup', '--all', '--debug']);

    const key = (await readFile(join(directory, 'key'), 'utf8')).trim().split('\n').at(-1) ?? '';
    for (const secret of [cloud.applicationCredential.secret, key]) {
      expect(`${ran.stdout}${ran.stderr}`).not.toContain(secret);
    }
  });

  it('says of when a continued backup is, and not that it continues what runs', async () => {
    let stop: (() => void) | undefined;
    cloud.faults.add({ service: 'compute', method: 'POST', path: /action$/ }, { kind: 'hang' });
    const met = cloud.faults.injected;
    const argv = ['backup', '--server', 'web-1', '--include-volumes'];
    const first = snapbank(argv, {}, (listener) => (stop = listener));
    await vi.waitFor(() => expect(cloud.faults.injected).toBe(met + 1), 20_000);
    const twice = await snapbank(argv);
    stop?.();
    expect((await first).stderr).toMatch(/Stopping in good order.*ExecutionStopped/s);
    cloud.faults.clear();

    expect(twice.stderr).toContain('ExecutionRunning');
    expect(twice.stderr).not.toContain('Continuing');
    const continued = await snapbank(argv);
    expect(continued.stderr).toContain('Continuing backup-');
    expect(continued.stdout).toMatch(/Continued from .* UTC: .*--execution NEWNAME/);
    const named = [...argv, '--execution', 'named', '--json'];
    expect((await snapbank(named)).events.at(-1)).toMatchObject({ continued: false });
    expect((await snapbank(named)).events.at(-1)).toMatchObject({
      continued: true,
      startedAt: expect.stringMatching(/^20.*Z$/),
    });
  }, 60_000);

  it('says in the help of every command where the global options are, and defaults', async () => {
    const helped = await snapbank(['export', '--help']);
    expect(helped.stdout).toMatch(
      /--format.*by the name of the file.*--json, …\): snapbank --help/s,
    );
    expect((await snapbank(['bank', 'init', '--help'])).stdout).toContain('Global options');
    expect((await snapbank(['backup', '--help'])).stdout).toContain('--execution NEWNAME');
  });

  it('helps, and tells its version', async () => {
    expect(await snapbank(['--help'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Examples:'),
    });
    expect(await snapbank(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });
});
