import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../lib/disk/support/random.ts';
import { printFigures } from './figures.ts';
import type { Guest } from './guests.ts';
import { leftovers } from './leftovers.ts';
import { s3Environment } from './s3-environment.ts';
import type { BackupSummary } from './snapbank.ts';
import { useStage } from './stage.ts';
import { uniqueName } from './unique-name.ts';

const run = promisify(execFile);
/** SNAPBANK_NIGHTS=30 is the campaign, of the seed SNAPBANK_SEED. */
const nights = Number(process.env['SNAPBANK_NIGHTS'] ?? 3);
const random = new Random(Number(process.env['SNAPBANK_SEED'] ?? 1));
const KEPT = Math.max(3, Math.floor(nights / 3));
const s3 = await s3Environment();
const name = uniqueName('nights');

let guest: Guest;
let directory: string;
/** The disk as Nova has it, copied aside while the server is stopped, by checkpoint. */
const copies = new Map<string, string>();
const checkpoints: string[] = [];
const counts = { kills: 0, collections: 0, verifications: 0, newBytes: 0, storedBytes: 0 };

interface Listed {
  checkpoint: string;
  state: string;
}

describe.skipIf(s3 === undefined)('a server that is backed up into S3 night after night', () => {
  const stage = useStage(
    async () => {
      guest = await stage.guests.boot(name);
    },
    { bank: `s3://${s3?.['S3_LAB_BUCKET']}/${name}`, env: s3 ?? {} },
  );
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapbank-nights-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  async function backUp(args: readonly string[]): Promise<string> {
    const { summary } = await stage.snapbank.backup(['--server', name, ...args]);
    const [server] = summary.servers;
    expect(server).toMatchObject({ status: 'succeeded', consistency: 'stopped' });
    counts.newBytes += server?.newBytes ?? 0;
    counts.storedBytes += server?.storedBytes ?? 0;
    return server?.checkpoint ?? 'none';
  }

  /** Collects garbage over and over until it is stopped. */
  function collectMeanwhile(): { stop: () => Promise<void> } {
    const end = new AbortController();
    const collecting = (async () => {
      while (!end.signal.aborted) {
        await stage.snapbank.run(['collect-garbage', '--undelete-days', '0']);
        counts.collections += 1;
      }
    })();
    collecting.catch(() => undefined);
    return {
      async stop() {
        end.abort();
        await collecting;
      },
    };
  }

  async function alive(): Promise<string[]> {
    const { events } = await stage.snapbank.run(['checkpoints']);
    return events.flatMap(({ type, ...listed }) => {
      const { checkpoint, state } = listed as unknown as Listed;
      return type === 'checkpoint' && state === 'COMMITTED' ? [checkpoint] : [];
    });
  }

  it(`loses nothing in ${String(nights)} nights, while writers are killed and a collector runs`, {
    timeout: nights * 5 * 60_000,
  }, async () => {
    for (let night = 1; night <= nights; night += 1) {
      await stage.guests.stop(guest);
      const copy = await copyDisk(night);
      const collector = collectMeanwhile();
      const execution = ['--execution', `${name}-${String(night)}`];
      if (night % 2 === 0) {
        const args = ['backup', '--server', name, ...execution];
        const running = stage.snapbank.start<BackupSummary>(args);
        await delay(500 + random.below(6000));
        running.kill('SIGKILL');
        await running.ended;
        counts.kills += 1;
      }
      const checkpoint = await backUp(execution);
      await collector.stop();
      checkpoints.push(checkpoint);
      copies.set(checkpoint, copy);
      await stage.snapbank.run(['prune', '--keep-last', String(KEPT)]);
      if (night % 7 === 0 || night === nights) {
        await stage.snapbank.run(['verify', '--all']);
        counts.verifications += 1;
      }
      await stage.lab.openstack.servers.start(guest.id);
      const { wrote } = await stage.guests.report(guest.id, guest.marks.length + 1);
      guest.marks.push(wrote);
    }
    printFigures('nights', JSON.stringify({ nights, ...counts }));
  });

  it('gives every checkpoint back, byte for byte what was copied aside', async () => {
    const kept = await alive();

    expect(kept).toHaveLength(Math.min(KEPT, nights));
    for (const checkpoint of random.shuffled(kept).slice(0, 3)) {
      const output = join(directory, `${checkpoint}.raw`);
      await stage.snapbank.run(['export', checkpoint, '--format', 'raw', '--output', output]);
      expect(await isSame(output, copies.get(checkpoint) ?? '')).toBe(true);
      await rm(output);
    }
  });

  it('gives three of them back to the cloud, and a guest finds what it had written', async () => {
    for (const checkpoint of random.shuffled(await alive()).slice(0, 3)) {
      const args = ['--check', '--name', `${name}-${checkpoint.slice(0, 6)}`];

      const { summary } = await stage.snapbank.restore(checkpoint, args);
      stage.guests.adopt(summary);

      expect(summary.identical).toBe(true);
      const boots = checkpoints.indexOf(checkpoint) + 1;
      const { found } = await stage.guests.report(summary.serverId ?? '', boots + 1);
      expect(found).toEqual(guest.marks.slice(0, boots).map((mark) => ({ ...mark, whole: true })));
      await stage.guests.deleteAll([guest.id]);
    }
  });

  it('leaves nothing in the cloud, and no garbage in the bank', async () => {
    await stage.guests.deleteAll();
    const collect = ['collect-garbage', '--undelete-days', '0', '--force'];
    for (let times = 0; times < 2; times += 1) await stage.snapbank.run(collect);

    const { summary } = await stage.snapbank.run<{ dead: { objects: number } }>([
      'collect-garbage',
      '--dry-run',
    ]);

    expect(summary.dead.objects).toBe(0);
    expect(await leftovers(stage.lab, [guest.id, name, ...checkpoints])).toEqual([]);
  });
});

/** What a reader who is not ours finds on the server's disk. */
async function copyDisk(night: number): Promise<string> {
  const lab = process.env['LAB'] ?? '/var/lib/openstack-lab';
  const disk = join(lab, 'nova', 'instances', guest.id, 'disk');
  const copy = join(directory, `night-${String(night)}.raw`);
  await run('qemu-img', ['convert', '-O', 'raw', disk, copy]);
  return copy;
}

function piecesOf(path: string): AsyncIterator<Buffer> {
  return createReadStream(path, { highWaterMark: 2 ** 20 })[Symbol.asyncIterator]();
}

async function isSame(one: string, other: string): Promise<boolean> {
  const a = piecesOf(one);
  const b = piecesOf(other);
  for (;;) {
    const [left, right] = await Promise.all([a.next(), b.next()]);
    if (left.done === true || right.done === true) return left.done === right.done;
    if (!left.value.equals(right.value)) return false;
  }
}
