import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDamageMarks } from '../../lib/bank/register/damage-marks.ts';
import { readRecord } from '../../lib/bank/register/records.ts';
import { readRoot } from '../../lib/bank/roots.ts';
import { VerifyReport, VerifySummary } from '../../lib/verify/verify-summary.ts';
import type { Json } from '../../local/engine/json.ts';
import { flip, keysOf } from '../lib/bank/tamper.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const KIB = 1024;

describe('the verify machine', () => {
  let world: World;
  let serverId: string;
  let first: string;
  const data = randomBytes(6 * MIB);

  beforeEach(async () => {
    world = await startWorld();
    serverId = await world.addServer('web', data);
    first = await backUp();
  });
  afterEach(async () => {
    await world.close();
  });

  const backUp = async () => (await world.backUp()).get(serverId) ?? '';
  const verify = async (input: Json = {}) => {
    const outcome = await world.run('verify', input);
    if (outcome.status === 'FAILED' && outcome.error !== 'VerificationFailed') {
      throw new Error(`${outcome.error ?? ''}: ${outcome.cause ?? ''}`);
    }
    const { status, output, cause } = outcome;
    const summary = VerifySummary.parse(status === 'SUCCEEDED' ? output : JSON.parse(cause ?? ''));
    const bytes = await world.places.work.get(summary.reportKey);
    const report = VerifyReport.parse(JSON.parse(Buffer.from(bytes).toString()));
    return { status, summary, report };
  };
  const marks = async () => [...(await readDamageMarks(await world.services.register()))];
  const recordOf = async (checkpoint: string) => {
    const head = await readRecord(await world.services.register(), checkpoint);
    if (head.kind !== 'live' || head.value.state !== 'COMMITTED') throw new Error(head.kind);
    return head.value;
  };
  const rootOf = async (checkpoint: string) =>
    await readRoot(await world.services.bank(), (await recordOf(checkpoint)).root);
  const packs = async () => await keysOf(world.places.bank, 'packs/');
  /** The server's disk, restored from its newest checkpoint. */
  const restored = async () => {
    const outcome = await world.run('restore', { checkpoint: 'web@latest', name: 'again' });
    const { serverId: id } = outcome.output as { serverId: string };
    return await world.cloud.readGuest(id, MIB, data.length);
  };

  it('reads every chunk once, however many checkpoints share it, and notes the proof', async () => {
    await world.cloud.writeGuest(serverId, 2 * MIB, randomBytes(256 * KIB));
    const second = await backUp();

    const { status, summary } = await verify({ all: true });

    expect(status).toBe('SUCCEEDED');
    // Half a MiB of the base image is two chunks, data are 24; the second checkpoint has one of its own.
    expect(summary).toMatchObject({ checkpoints: 2, sound: 2, proven: 2, segments: 4, chunks: 27 });
    expect(summary.bytesRead).toBe(27 * 256 * KIB);
    for (const checkpoint of [first, second]) {
      expect((await recordOf(checkpoint)).lastProven).toMatchObject({ how: 'every chunk read' });
    }
    expect(world.published.at(-1)).toMatchObject({ DetailType: 'Verification Completed' });
  });

  it('tells of all bytes that it was to look at, and leaves nothing behind', async () => {
    await verify();

    const events = world.progress.filter(({ phase }) => phase === 'verify');
    expect(events.reduce((sum, { advancedBytes }) => sum + advancedBytes, 0)).toBe(16 * MIB);
    expect(events[0]?.totalBytes).toBe(16 * MIB);
    expect(await world.leftovers()).toEqual([]);
    expect(await keysOf(world.places.work, 'verifications/')).toEqual([]);
  });

  it.each(['records', 'packs'])('proves nothing with level %s', async (level) => {
    const { summary } = await verify({ level });

    expect(summary).toMatchObject({ sound: 1, proven: 0, chunks: 0 });
    expect((await recordOf(first)).lastProven).toBeUndefined();
  });

  it('finds one flipped bit of data, and names the checkpoints and the addresses that it hurts', async () => {
    const [pack = ''] = await packs();
    await flip(world.places.bank, pack, 1000);

    const { status, summary, report } = await verify({ checkpoints: [first] });

    expect(status).toBe('FAILED');
    expect(summary).toMatchObject({ damaged: 1, proven: 0, damagedObjects: 1 });
    expect(report.findings).toMatchObject([
      { checkpoints: [first], disk: 0, object: pack, error: 'ChunkDamaged' },
    ]);
    expect(report.findings[0]?.ranges).toEqual([{ offset: MIB, length: 256 * KIB }]);
    expect(report.checkpoints[0]).toMatchObject({ status: 'damaged', hurtBytes: 256 * KIB });
    expect(await marks()).toEqual([pack]);
    expect(world.published.at(-1)).toMatchObject({ DetailType: 'Verification Failed' });
  });

  it('does not see a flipped bit of a large pack by its size, but its loss', async () => {
    const [pack = ''] = await packs();
    await flip(world.places.bank, pack, 1000);
    expect((await verify({ level: 'packs' })).summary.damaged).toBe(0);

    await world.places.bank.delete([pack]);
    const { report } = await verify({ level: 'packs' });

    expect(report.findings).toMatchObject([{ object: pack, error: 'PackMissing' }]);
    // All that the first segment holds: the base image's data, and its share of the user's.
    expect(report.findings[0]?.ranges).toEqual([
      { offset: 0, length: 512 * KIB },
      { offset: MIB, length: 3 * MIB },
    ]);
  });

  it('heals a marked pack with the next backup, which can be restored', async () => {
    for (const pack of await packs()) await flip(world.places.bank, pack, 2000, 3);
    await verify();
    expect(await marks()).toHaveLength(2);

    const second = await backUp();

    const { report } = await verify();
    const states = new Map(report.checkpoints.map((one) => [one.checkpoint, one.status]));
    expect(states.get(first)).toBe('damaged');
    expect(states.get(second)).toBe('sound');
    const damaged = new Set(await marks());
    expect((await rootOf(second)).packs.filter(({ key }) => damaged.has(key))).toEqual([]);
    expect(Buffer.compare(await restored(), data)).toBe(0);
  });

  it('heals a segment and a root that are gone, too', async () => {
    const { root } = await recordOf(first);
    const [segment = ''] = await keysOf(world.places.bank, 'segments/');
    await flip(world.places.bank, segment, 100);
    const found = await verify({ level: 'records' });
    expect(found.report.findings).toMatchObject([{ object: segment, error: 'ObjectDamaged' }]);
    await world.places.bank.delete([root.key]);

    const { report } = await verify({ level: 'records' });

    expect(report.findings).toMatchObject([{ object: root.key, disk: null, ranges: [] }]);
    expect(report.checkpoints).toMatchObject([{ status: 'damaged', hurtBytes: null }]);
    const second = await backUp();
    expect((await verify({ checkpoints: [second] })).status).toBe('SUCCEEDED');
    expect(Buffer.compare(await restored(), data)).toBe(0);
  });

  it('takes a mark back when the pack is whole again', async () => {
    const [pack = ''] = await packs();
    await flip(world.places.bank, pack, 1000);
    await verify();
    expect(await marks()).toEqual([pack]);
    await flip(world.places.bank, pack, 1000);

    expect((await verify({ level: 'packs' })).summary.damaged).toBe(0);
    expect(await marks()).toEqual([pack]);
    const { report } = await verify();

    expect(report.cleared).toEqual([pack]);
    expect(await marks()).toEqual([]);
  });

  it('is everywhere with a sample after as many runs as it says, and then has proven it', async () => {
    let chunks = 0;
    for (let run = 0; run < 4; run += 1) {
      expect((await recordOf(first)).lastProven).toBeUndefined();
      const { summary } = await verify({ sample_percent: 25 });
      expect(summary).toMatchObject({ sampleRuns: 4, segments: 1, proven: run === 3 ? 1 : 0 });
      chunks += summary.chunks;
    }

    expect(chunks).toBe(26);
    expect((await recordOf(first)).lastProven).toMatchObject({
      how: 'every chunk read, in 4 runs',
    });
  });

  it('finds with samples what lies in any segment, and then proves nothing', async () => {
    const pack = (await packs()).find((key) => key.includes('/0-1-')) ?? '';
    await flip(world.places.bank, pack, 1000);

    const damaged = [];
    for (let run = 0; run < 4; run += 1) {
      damaged.push((await verify({ sample_percent: 25 })).summary.damaged);
    }

    expect(damaged.filter((count) => count === 1)).toHaveLength(1);
    expect((await recordOf(first)).lastProven).toBeUndefined();
  });

  it('takes turns for each command by itself, so that two that alternate see everything', async () => {
    const segments = { all: new Set<string>(), one: new Set<string>(), plan: new Set<string>() };
    const { work } = world.places;
    const put = work.put.bind(work);
    let seen = segments.all;
    work.put = async (key, ...rest) => {
      const [, segment] = /^verifications\/.*\/reports\/(.*)\.json$/.exec(key) ?? [];
      if (segment !== undefined) seen.add(segment);
      await put(key, ...rest);
    };
    await world.backUp({ plan: 'nightly' });
    for (let run = 0; run < 4; run += 1) {
      seen = segments.all;
      await verify({ all: true, sample_percent: 25 });
      seen = segments.one;
      await verify({ checkpoints: ['web@latest'], sample_percent: 25 });
      seen = segments.plan;
      expect((await verify({ plan: 'nightly', sample_percent: 25 })).summary.checkpoints).toBe(1);
    }

    for (const [command, places] of Object.entries(segments)) {
      expect(places, command).toEqual(new Set(['0/0-0', '0/0-1', '0/0-2', '0/0-3']));
    }
  });

  it('says of what it could not look at neither that it is sound nor that it is damaged', async () => {
    const { bank } = world.places;
    const get = bank.get.bind(bank);
    bank.get = async (key, options) => {
      if (key.startsWith('packs/')) throw new Error('The network is down.');
      return await get(key, options);
    };

    const { status, report } = await verify();

    expect(status).toBe('FAILED');
    expect(report.checkpoints).toMatchObject([
      { status: 'unverified', error: { message: expect.stringContaining('network is down') } },
    ]);
    expect(await marks()).toEqual([]);
    expect(await world.leftovers()).toEqual([]);
  });

  it('goes on where it was when it is told to stop', async () => {
    const stop = new AbortController();
    const stopped = await world.run(
      'verify',
      {},
      {
        name: 'weekly',
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type === 'TaskStateExited') stop.abort(new Error('Ctrl-C'));
        },
      },
    );
    expect(stopped.status).toBe('ABORTED');

    const outcome = await world.run('verify', {}, { name: 'weekly' });

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { sound: 1, chunks: 26 } });
    expect(await world.leftovers()).toEqual([]);
  });

  it('refuses what it does not understand, and a server of which there is no checkpoint', async () => {
    expect(await world.run('verify', { level: 'all' })).toMatchObject({ error: 'InvalidInput' });
    expect(await world.run('verify', { servers: ['nobody'] })).toMatchObject({
      status: 'FAILED',
      error: 'CheckpointNotFound',
    });
    expect(await world.leftovers()).toEqual([]);
  });
});
