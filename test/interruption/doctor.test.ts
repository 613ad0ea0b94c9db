import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomNumbers } from '../../local/demo-cloud/faults.ts';
import { diskInBank } from '../machines/disk-in-bank.ts';
import { leftovers } from './leftovers.ts';
import type { Running } from './snapbank-process.ts';
import { openStage, type Stage } from './stage.ts';

const HOUR_MILLISECONDS = 3600 * 1000;
const LONG = { timeout: 120_000 };

let stage: Stage;

beforeEach(async () => {
  stage = await openStage({
    snapshotFormat: 'raw',
    range: 'yes',
    servers: 1,
    slowness: 300,
    next: randomNumbers(7),
  });
  await stage.writeData();
});
afterEach(async () => {
  vi.useRealTimers();
  await stage.close();
}, 60_000);

/** Time goes on for this process, and so for the doctor, the demo cloud and leases. */
function later(milliseconds: number): void {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(now + milliseconds);
}

async function doctor(...options: string[]) {
  const { exitCode, stdout, stderr } = await stage.run('doctor', '--json', ...options);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const orphans = events.filter(({ type }) => type === 'orphan');
  return { exitCode, stderr, events, kinds: orphans.map(({ kind }) => kind), orphans };
}

/** Lets the doctor remove what it finds, again and again while the command runs; how often it looked. */
async function lookUntilEnded({ ended }: Running): Promise<number> {
  const over = new AbortController();
  const ending = ended.finally(() => over.abort());
  let looks = 0;
  for (; !over.signal.aborted; looks += 1) {
    const { kinds, orphans } = await doctor('--fix');
    // Between the commit and the end of its execution a snapshot is nobody's.
    const free = orphans.filter(({ why }) => String(why).includes('(COMMITTED)'));
    expect(kinds, JSON.stringify(orphans)).toEqual(free.map(({ kind }) => kind));
  }
  const { exitCode, stderr } = await ending;
  expect(exitCode, stderr).toBe(0);
  return looks;
}

describe('snapbank doctor', () => {
  it('finds all well where it is', async () => {
    const { exitCode, events } = await doctor();

    expect(exitCode).toBe(0);
    expect(events.filter(({ type }) => type === 'check')).toMatchObject(
      ['bank', 'register', 'work place', 'cloud', 'compute', 'image', 'network'].map((name) => ({
        name,
        status: 'ok',
      })),
    );
    expect((await stage.run('doctor')).stdout).toContain('Dead executions have left nothing.');
  });

  it(
    'finds what a killed backup left when it can no longer be continued, and removes it',
    LONG,
    async () => {
      await stage.snapbank(['backup', '--all'], {
        moment: 'request',
        number: 22,
        signal: 'SIGKILL',
      });
      expect(stage.cloud.inventory().images).toHaveLength(2);
      // The same command would still continue it.
      const early = await doctor('--fix');
      expect(early.kinds).toEqual([]);
      const now = Date.now();
      const snapshot = stage.cloud.inventory().images.find(({ id }) => id !== stage.imageId);
      const [interrupted, ...more] = early.events.filter(({ type }) => type === 'interrupted');
      expect(more).toEqual([]);
      expect(interrupted).toMatchObject({
        kind: 'backup',
        inCloud: [{ kind: 'snapshot image', id: snapshot?.id }],
      });
      const keptMilliseconds = Date.parse(String(interrupted?.['keptUntil'])) - now;
      expect(keptMilliseconds).toBeGreaterThan(0);
      expect(keptMilliseconds).toBeLessThanOrEqual(HOUR_MILLISECONDS / 2);
      expect((await stage.run('doctor')).stdout).toContain(`snapshot image ${snapshot?.id ?? ''}`);

      later(2 * HOUR_MILLISECONDS);
      const found = await doctor();

      expect(found.exitCode).toBe(1);
      expect(new Set(found.kinds)).toEqual(new Set(['snapshot image', 'open checkpoint']));
      expect(found.events.some(({ type }) => type === 'interrupted')).toBe(false);
      expect(stage.cloud.inventory().images).toHaveLength(2);
      const fixed = await doctor('--fix');
      expect(fixed.exitCode).toBe(0);
      // Notes go an hour after their checkpoint.
      later(2 * HOUR_MILLISECONDS);
      await doctor('--fix');
      expect((await doctor()).exitCode).toBe(0);
      const left = await leftovers(stage, new Set([stage.imageId, ...stage.serverIds]));
      expect(left.filter((what) => !/unfinished|is locked/.test(what))).toEqual([]);
    },
  );

  it(
    'finds the pin and the empty image of a killed restore, and lets go of them',
    LONG,
    async () => {
      await stage.succeed('backup', '--all');
      stage.cloud.faults.add({ service: 'image', method: 'PUT' }, { kind: 'hang' });
      const running = stage.start(['restore', 'web-1@latest', '--name', 'again']);
      await running.waitFor('"phase":"uploading"');
      running.kill('SIGKILL');
      await running.ended;

      later(25 * HOUR_MILLISECONDS);
      const found = await doctor();

      expect(new Set(found.kinds)).toEqual(new Set(['pin', 'restored image']));
      expect(found.exitCode).toBe(1);
      expect((await doctor('--fix')).exitCode).toBe(0);
      expect((await doctor()).kinds).toEqual([]);
    },
  );

  it('takes nothing from backups and restores that are under way', LONG, async () => {
    const looks =
      (await lookUntilEnded(stage.start(['backup', '--all']))) +
      (await lookUntilEnded(
        stage.start(['restore', 'web-1@latest', '--name', 'again', '--check']),
      ));

    expect(looks).toBeGreaterThan(1);
    const [serverId = ''] = stage.serverIds;
    const stored = await diskInBank(stage.services, 'web-1@latest');
    expect(stored.equals(await stage.disk(serverId))).toBe(true);
  });

  it('says what is wrong with the set-up, and what to do', async () => {
    stage.cloud.faults.add({ service: 'image' }, { kind: 'status', status: 403 }, { times: 99 });

    const { exitCode, events } = await doctor();

    expect(exitCode).toBe(1);
    expect(events.find(({ name }) => name === 'image')).toMatchObject({
      status: 'wrong',
      detail: expect.stringContaining('Forbidden'),
      remedy: expect.stringContaining('role'),
    });
  });

  it('says that it could not look where there is no bank, or no cloud', async () => {
    const bankless = await stage.run('doctor', '--bank', '/dev/null/none');
    expect(bankless.stdout).toContain('What dead executions left could not be looked for');
    expect(bankless.stdout).not.toContain('left nothing');

    stage.cloud.faults.add({ service: 'image' }, { kind: 'status', status: 403 }, { times: 99 });
    const cloudless = await stage.run('doctor');
    expect(cloudless.stdout).toContain('left in the cloud could not be looked for');
    expect(cloudless.stdout).not.toContain('Dead executions have left nothing');
  });

  it('tells of clocks that differ', async () => {
    later(10 * 60_000);
    // The store's clock is the file system's, which is still where it was.
    const { events } = await doctor();

    expect(events.find(({ name }) => name === 'work place')).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(/600 s behind|599 s behind|601 s behind/),
    });
  });
});
