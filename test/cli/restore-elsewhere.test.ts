import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import { runCollected } from './run-collected.ts';

const MIB = 1024 ** 2;
const DISK_BYTES = 8 * MIB;
const data = randomBytes(MIB);

describe('a checkpoint in another cloud, by the command', () => {
  let directory: string;
  let here: DemoCloud;
  let there: DemoCloud;
  let serverId: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapbank-elsewhere-'));
    here = await startDemoCloud();
    there = await startDemoCloud();
    const flavorId = here.addFlavor({ name: 'our tiny', vcpus: 1, ramMib: 64, diskGib: 0 });
    there.addFlavor({ name: 'tiny', vcpus: 1, ramMib: 64, diskGib: 0 });
    const imageId = await here.addImage({
      name: 'base',
      content: Buffer.alloc(DISK_BYTES, 'x'),
      diskFormat: 'raw',
    });
    const networkId = here.addNetwork({ name: 'office' });
    here.addSubnet({ networkId, cidr: '10.1.0.0/24' });
    const other = there.addNetwork({ name: 'floor-2' });
    there.addSubnet({ networkId: other, cidr: '10.2.0.0/24' });
    here.addKeypair({ name: 'laptop' });
    serverId = await here.addServer({
      name: 'web-1',
      imageId,
      flavorId,
      networks: [{ networkId }],
      keyName: 'laptop',
    });
    await here.writeGuest(serverId, MIB, data);
    expect((await snapbank(here, 'bank', 'init')).exitCode).toBe(0);
    expect((await snapbank(here, 'backup', '--all')).exitCode).toBe(0);
  });
  afterAll(async () => {
    await here.close();
    await there.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function snapbank(cloud: DemoCloud, ...argv: string[]) {
    return await runCollected(argv, {
      env: {
        HOME: directory,
        ...cloud.environment,
        SNAPBANK_BANK: join(directory, 'bank'),
        SNAPBANK_KEY_FILE: join(directory, 'key'),
      },
      cwd: directory,
    });
  }

  it('is planned with a table of what is missing, what to type, and what there is', async () => {
    const { exitCode, stdout } = await snapbank(there, 'restore', 'web-1@latest', '--plan');

    expect(exitCode).toBe(1);
    const table = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    expect(table).toContainEqual(expect.stringMatching(/^MISSING \| GIVE \| THERE IS/));
    const rows = [
      /^flavor our tiny \| --map 'flavor:our tiny=\?' \| tiny \([0-9a-f-]{36}\), demo.small/,
      /^network office \| --map network:office=\? \| floor-2 \([0-9a-f-]{36}\) \| No restore\./,
      /^key pair laptop \| --map key-pair:laptop=\? \| none \| The server has none\./,
    ];
    for (const row of rows) expect(table).toContainEqual(expect.stringMatching(row));
    expect(stdout).toContain('Nothing was made. As it is the restore is not possible');
  });

  it('is planned for programs with the same list', async () => {
    const { exitCode, stdout } = await snapbank(
      there,
      'restore',
      'web-1@latest',
      '--plan',
      '--json',
    );

    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'summary',
      possible: false,
      plan: {
        server: null,
        needs: [
          { kind: 'flavor', from: 'our tiny', candidates: [{ name: 'tiny' }, {}], without: null },
          { kind: 'network', from: 'office', candidates: [{ name: 'floor-2' }] },
          { kind: 'key-pair', from: 'laptop', candidates: [] },
        ],
      },
    });
  });

  it('is refused with a line for each before anything is made', async () => {
    const { exitCode, stderr } = await snapbank(there, 'restore', 'web-1@latest');

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /RestoreNotPossible.*\n {2}flavor our tiny: .*--map 'flavor:our tiny=\?'.*\n {2}network office: /,
    );
    expect(there.inventory()).toMatchObject({ servers: [], images: [] });
  });

  it('comes back there byte for byte with what was asked for', async () => {
    const map = ['--map', 'flavor:our tiny=tiny', '--map', 'network:office=floor-2'];
    const planned = await snapbank(there, 'restore', 'web-1@latest', '--plan', ...map);
    expect(planned).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/key pair laptop .*The server has none/),
    });

    expect(await snapbank(there, 'restore', 'web-1@latest', '--check', ...map)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Identical yes'),
    });

    const [restored, ...others] = there.inventory().servers;
    expect(others).toEqual([]);
    expect(restored).toMatchObject({ name: 'web-1', projectId: there.projectId });
    const bytes = await there.readGuest(restored?.id ?? '', 0, DISK_BYTES);
    const original = await here.readGuest(serverId, 0, DISK_BYTES);
    expect(Buffer.compare(bytes, original)).toBe(0);
  });

  it('names the original where it still exists', async () => {
    const { exitCode, stdout } = await snapbank(here, 'restore', 'web-1@latest', '--plan');

    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      `Note: server ${serverId}, which was backed up, still exists (ACTIVE)`,
    );
    expect(stdout).toContain('The original server is still there and has it');
  });
});
