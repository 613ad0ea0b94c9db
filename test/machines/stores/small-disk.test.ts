import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomNumbers } from '../../../local/demo-cloud/faults.ts';
import { leftovers } from '../../interruption/leftovers.ts';
import type { Ended } from '../../interruption/snapbank-process.ts';
import { openStage, type Stage } from '../../interruption/stage.ts';
import { diskInBank } from '../disk-in-bank.ts';
import { hourLater } from './hour-later.ts';
import { mountSmallDisk, type SmallDisk, whyNoDisk } from './small-disk.ts';

const KIB = 1024;
const LONG = { timeout: 120_000 };
const obstacle = await whyNoDisk();

let disk: SmallDisk;
let stage: Stage;
/** What the first checkpoint holds. */
let before: Buffer;

async function open(): Promise<void> {
  disk = await mountSmallDisk(32);
  stage = await openStage({
    bankDirectory: disk.path,
    snapshotFormat: 'raw',
    range: 'yes',
    servers: 1,
    slowness: 0,
    next: randomNumbers(7),
  });
  before = await stage.disk(serverId());
  await stage.succeed('backup', '--all');
  await stage.writeData();
}

async function close(): Promise<void> {
  vi.useRealTimers();
  await stage.close();
  await disk.close();
}

const serverId = () => stage.serverIds[0] ?? '';
const own = () => new Set([...stage.serverIds, stage.imageId]);

/** The one error that the command ended with, and what it says to do about it. */
function errorOf({ events }: Ended): Record<string, unknown> {
  const { type, servers, ...last } = events.at(-1) ?? {};
  if (type === 'error') return last;
  const [server] = servers as { error: Record<string, unknown> }[];
  return server?.error ?? {};
}

async function temporaryFiles(): Promise<string[]> {
  const folders = ['.', 'register', 'work'].map((place) => join(disk.path, place, '.tmp'));
  return (await Promise.all(folders.map((folder) => readdir(folder)))).flat();
}

/** The first checkpoint is there as before; its reader can write no pin. */
async function expectFirstWhole(): Promise<void> {
  const { exitCode, stderr } = await stage.run('verify', 'web-1@latest');
  expect(exitCode, stderr).toBe(1);
  expect((await diskInBank(stage.services, 'web-1@latest')).equals(before)).toBe(true);
}

/** The same command goes on; both checkpoints are whole, and after a look of the doctor nothing is left. */
async function expectGoesOn(): Promise<void> {
  await stage.succeed('backup', '--all');
  expect(
    (await diskInBank(stage.services, 'web-1@latest')).equals(await stage.disk(serverId())),
  ).toBe(true);
  await stage.succeed('verify', '--all');
  expect((await stage.run('checkpoints', '--json')).stdout.match(/"COMMITTED"/g)).toHaveLength(2);
  hourLater();
  await stage.run('doctor', '--fix');
  vi.useRealTimers();
  expect(await leftovers(stage, own())).toEqual([]);
  await stage.succeed('collect-garbage', '--force');
  await stage.succeed('verify', '--all');
}

describe.skipIf(obstacle !== undefined)(
  `a backup into a real file system that takes no more${obstacle === undefined ? '' : ` (${obstacle})`}`,
  () => {
    beforeEach(open, 60_000);
    afterEach(close);

    // Room for nothing; for the record alone; for that and a word about what failed.
    it.each([0, 12, 40])(
      'ends with one named error on a full disk (%i KiB left), loses nothing, leaves no half object, and goes on once there is room',
      LONG,
      async (kib) => {
        await disk.leave(kib * KIB);

        const failed = await stage.snapbank(['backup', '--all']);

        expect(failed.exitCode).toBe(1);
        expect(errorOf(failed)).toMatchObject({
          name: expect.stringMatching(/^(StoreRefused|States\.ResultWriterFailed)$/),
          message: expect.stringContaining('the disk is full; free some space (ENOSPC)'),
          remedy: expect.stringContaining('run'),
        });
        expect(await temporaryFiles()).toEqual([]);
        expect(stage.cloud.inventory().images.map(({ id }) => id)).toEqual([stage.imageId]);
        await expectFirstWhole();
        await disk.makeRoom();
        await expectGoesOn();
      },
    );

    it(
      'ends with one named error when the file system becomes read-only, loses nothing, and goes on once it is not',
      LONG,
      async () => {
        const aSegment = { service: 'image', method: 'GET', path: /\/file$/ } as const;
        stage.cloud.faults.add(aSegment, { kind: 'delay', ms: 5000 }, { skip: 2 });
        const running = stage.start(['backup', '--all']);
        await running.waitFor('"phase":"uploading"');
        await disk.makeReadOnly();

        const failed = await running.ended;

        expect(failed.exitCode).toBe(1);
        expect(errorOf(failed)).toMatchObject({
          name: expect.stringMatching(/^(StoreRefused|States\.ResultWriterFailed)$/),
          message: expect.stringContaining('the file system is mounted read-only (EROFS)'),
          remedy: expect.stringContaining('run'),
        });
        expect(stage.cloud.inventory().images.map(({ id }) => id)).toEqual([stage.imageId]);
        await expectFirstWhole();
        await disk.makeWritable();
        await expectGoesOn();
      },
    );
  },
);
