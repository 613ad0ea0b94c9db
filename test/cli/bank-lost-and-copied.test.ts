import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DemoCloud } from '../../local/demo-cloud/demo-cloud.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import { runCollected } from './run-collected.ts';

const MIB = 1024 ** 2;

let directory: string;
let cloud: DemoCloud;
/** Of two backups, the newest last. */
let checkpoints: string[];
let disks: Buffer[];
let copies = 0;
let bank: string;

async function snapbank(argv: string[], env: Record<string, string> = {}) {
  const { exitCode, stderr, events } = await runCollected([...argv, '--json'], {
    env: {
      HOME: directory,
      ...cloud.environment,
      SNAPBANK_BANK: bank,
      SNAPBANK_KEY_FILE: join(directory, 'key'),
      ...env,
    },
    cwd: directory,
  });
  return { exitCode, events, summary: events.at(-1) ?? {}, stderr };
}

async function exported(checkpoint: string): Promise<Buffer> {
  const output = join(directory, `${checkpoint}-${String(++copies)}.raw`);
  expect((await snapbank(['export', checkpoint, '--output', output])).exitCode).toBe(0);
  return await readFile(output);
}

async function expectAllToBeThere(): Promise<void> {
  for (const [n, checkpoint] of checkpoints.entries()) {
    expect((await exported(checkpoint)).equals(disks[n] ?? Buffer.alloc(0))).toBe(true);
  }
}

/** Removes what lies in a folder of the bank and has the checkpoint in its name. */
async function lose(folder: string, checkpoint: string): Promise<void> {
  const files = await readdir(join(bank, folder), { recursive: true, withFileTypes: true });
  const lost = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => path.includes(checkpoint));
  expect(lost).not.toEqual([]);
  for (const path of lost) await rm(path);
}

let original: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snapbank-lost-'));
  original = join(directory, 'bank');
  bank = original;
  cloud = await startDemoCloud();
  const flavorId = cloud.addFlavor({ name: 'm1', vcpus: 1, ramMib: 64, diskGib: 0 });
  const imageId = await cloud.addImage({
    name: 'base',
    content: Buffer.alloc(8 * MIB, 'x'),
    diskFormat: 'raw',
  });
  const serverId = await cloud.addServer({ name: 'web-1', imageId, flavorId });
  expect((await snapbank(['bank', 'init'])).exitCode).toBe(0);
  checkpoints = [];
  disks = [];
  for (const offset of [MIB, 4 * MIB]) {
    await cloud.writeGuest(serverId, offset, randomBytes(MIB));
    const { summary } = await snapbank(['backup', '--all']);
    const [server] = summary['servers'] as { checkpoint: string }[];
    checkpoints.push(server?.checkpoint ?? '');
    disks.push(Buffer.from(await cloud.readGuest(serverId, 0, 8 * MIB)));
  }
});
afterAll(async () => {
  await cloud.close();
  await rm(directory, { recursive: true, force: true });
});
/** A copy that is a bank of its own. */
beforeEach(async () => {
  bank = join(directory, `bank-${String(++copies)}`);
  await cp(original, bank, { recursive: true });
});

describe('a copied bank, by the command', () => {
  it('is read and says what it is, and is not written until it is adopted', async () => {
    await expectAllToBeThere();
    expect((await snapbank(['bank', 'info'])).summary).toMatchObject({
      isCopy: true,
      home: { bank: original, register: join(original, 'register') },
    });
    const doctor = await snapbank(['doctor']);
    expect(doctor.events[0]).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining(`a copy of the one at ${original}`),
    });
    for (const argv of [['backup', '--all'], ['delete', 'web-1@latest'], ['collect-garbage']]) {
      expect(await snapbank(argv)).toMatchObject({
        exitCode: 2,
        summary: { name: 'BankIsCopy' },
        stderr: expect.stringContaining('snapbank bank adopt'),
      });
    }

    expect((await snapbank(['bank', 'adopt'])).summary).toMatchObject({ adopted: true });

    expect((await snapbank(['backup', '--all'])).exitCode).toBe(0);
    expect((await snapbank(['collect-garbage'])).exitCode).toBe(0);
    expect((await snapbank(['doctor'])).exitCode).toBe(0);
    await expectAllToBeThere();
    bank = original;
    expect((await snapbank(['bank', 'adopt'])).summary).toMatchObject({ adopted: false });
    await expectAllToBeThere();
  });

  it('is not adopted with the register of the original, unless that was moved', async () => {
    const shared = { SNAPBANK_REGISTER: join(original, 'register') };

    expect(await snapbank(['bank', 'adopt'], shared)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('A copy needs a register of its own'),
    });
  });
});

describe('snapbank bank rebuild', () => {
  beforeEach(async () => {
    await snapbank(['bank', 'adopt']);
  });
  it('brings a record back that was lost', async () => {
    await lose('register/records', checkpoints[0] ?? '');
    expect((await snapbank(['show', checkpoints[0] ?? ''])).exitCode).toBe(2);

    const dry = await snapbank(['bank', 'rebuild', '--dry-run']);
    expect(dry.summary).toMatchObject({ dryRun: true, whole: 1 });
    expect((await snapbank(['show', checkpoints[0] ?? ''])).exitCode).toBe(2);
    const { summary, events } = await snapbank(['bank', 'rebuild']);

    expect(summary).toMatchObject({ adopted: false, whole: 1, withoutRoot: 0 });
    expect(events[0]).toMatchObject({ checkpoint: checkpoints[0], state: 'whole' });
    await expectAllToBeThere();
    expect((await snapbank(['verify', '--all'])).exitCode).toBe(0);
  });

  it('brings all back where the register is lost whole, and backs up on', async () => {
    await rm(join(bank, 'register'), { recursive: true });
    expect(await snapbank(['checkpoints'])).toMatchObject({
      exitCode: 2,
      summary: { name: 'RegisterLost' },
    });

    expect((await snapbank(['bank', 'rebuild'])).summary).toMatchObject({
      adopted: true,
      whole: 2,
    });

    await expectAllToBeThere();
    expect((await snapbank(['bank', 'info'])).summary).toMatchObject({ isCopy: false });
    expect((await snapbank(['backup', '--all'])).exitCode).toBe(0);
    expect((await snapbank(['collect-garbage'])).exitCode).toBe(0);
    await expectAllToBeThere();
  });

  it('says what a lost root costs, gives it up when told to, and then collects', async () => {
    const [lost = ''] = checkpoints;
    await lose('roots', lost);
    await lose('register/records', lost);

    const found = await snapbank(['bank', 'rebuild']);
    expect(found.summary).toMatchObject({ whole: 0, withoutRoot: 1 });
    expect(found.events[0]).toMatchObject({ checkpoint: lost, state: 'without root' });
    const given = await snapbank(['bank', 'rebuild', '--abandon-rest']);
    expect(given.summary).toMatchObject({ withoutRoot: 1 });
    expect((await snapbank(['bank', 'rebuild'])).summary).toMatchObject({ withoutRoot: 0 });

    expect((await snapbank(['collect-garbage'])).exitCode).toBe(0);
    const newest = checkpoints[1] ?? '';
    expect((await exported(newest)).equals(disks[1] ?? Buffer.alloc(0))).toBe(true);
  });
});
