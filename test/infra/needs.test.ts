import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MACHINES, readDefinition } from '../../infra/definitions.ts';
import { NEEDS, type Needs, type PlaceNeeds } from '../../infra/needs.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { EVENT_SOURCE, PUBLISHED_EVENTS } from '../../lib/events/event-types.ts';
import { silentLog } from '../../lib/log.ts';
import type { EventEntry } from '../../local/engine/execution-options.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import type * as Containers from '../../functions/container/run-in-container.ts';
import type * as StateFunctions from '../../local/state-functions.ts';
import { startWorld, type World, type WorldOptions } from '../machines/world.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { type S3Server, startS3Server } from '../s3-server/s3-server.ts';
import type { RecordedNeeds } from './record-needs.ts';

const MIB = 1024 ** 2;
const DAY_MILLISECONDS = 24 * 3600 * 1000;

const recorded: RecordedNeeds = vi.hoisted(() => new Map<string, Set<string>>());
// Not a stand-in: the real functions, each with services that note what it asks of them.
vi.mock('../../local/state-functions.ts', async (original) => {
  const real = await original<typeof StateFunctions>();
  const { recordNeeds } = await import('./record-needs.ts');
  return { ...real, stateFunctions: recordNeeds(real.stateFunctions, recorded) };
});

vi.mock('../../functions/container/run-in-container.ts', async (original) => {
  const real = await original<typeof Containers>();
  const { watched } = await import('./record-needs.ts');
  const runInContainer: typeof real.runInContainer = async (services, command, signal) => {
    await real.runInContainer(watched(services, command.state, recorded), command, signal);
  };
  return { ...real, runInContainer };
});

const ABORTING = [
  'work s3:AbortMultipartUpload restores/*',
  'work s3:ListMultipartUploadParts restores/*',
];
/** What leases and pins take when they are renewed, which only happens after hours. */
const RENEWALS = ['register s3:PutObject records/*', 'register s3:PutObject pins/*'];
/** Permissions for what the runs below do not come to. */
const RARELY: Readonly<Record<string, readonly string[]>> = {
  // A Map that failed names the error of its child.
  AbandonCheckpoint: ['work s3:GetObject results/*', 'work s3:ListBucket'],
  // An upload that somebody left under way.
  CloseRestore: ABORTING,
  CloseProof: ABORTING,
  RollBackRestore: [...ABORTING, 'work s3:GetObject results/*'],
  ImportImage: ['work s3:AbortMultipartUpload restores/*'],
  // Readers that are at work, or died.
  PlanCollection: [
    'register s3:GetObject pins/*',
    // A worker that ran out of time, and one that was overtaken.
    'work s3:GetObject collections/*',
    'work s3:DeleteObject collections/*',
  ],
  CloseCollection: [
    'register s3:PutObject pins/*',
    'register s3:DeleteObject pins/*',
    // One that is repeated, and one after a failure.
    'work s3:GetObject outcomes/*',
    'work s3:GetObject results/*',
  ],
  // Damage.
  PlanVerify: ['register s3:DeleteObject damaged/*'],
  RecordVerification: ['register s3:DeleteObject damaged/*', 'work s3:GetObject results/*'],
  // A pin is read when it is renewed.
  VerifyRange: ['register s3:GetObject pins/*'],
  // What is older than days.
  Sweep: [
    ...ABORTING,
    ...[
      'items',
      'outcomes',
      'results',
      'receipts',
      'uploads',
      'descriptions',
      'collections',
      'verifications',
      'restores',
    ].map((kind) => `work s3:DeleteObject ${kind}/*`),
  ],
};

/** The table of infra/needs.ts in the words of the recording. */
function wordsOf(needs: Needs): Set<string> {
  const words = new Set<string>();
  if (needs.cloud === true) words.add('cloud');
  if (needs.key === true) words.add('key');
  for (const place of ['bank', 'register', 'work'] as const) {
    for (const word of placeWords(needs[place] ?? {})) words.add(`${place} ${word}`);
    // With each permission to delete goes the one for versions, where the bank is locked.
    if (place !== 'bank') continue;
    for (const key of needs.bank?.delete ?? []) words.add(`bank s3:DeleteObjectVersion ${key}`);
  }
  return words;
}

function* placeWords(needs: PlaceNeeds): Generator<string> {
  for (const key of needs.get ?? []) yield `s3:GetObject ${key}`;
  for (const key of needs.put ?? []) yield `s3:PutObject ${key}`;
  for (const key of needs.delete ?? []) yield `s3:DeleteObject ${key}`;
  for (const key of needs.retain ?? []) yield `s3:PutObjectRetention ${key}`;
  for (const key of needs.parts ?? []) {
    yield `s3:AbortMultipartUpload ${key}`;
    yield `s3:ListMultipartUploadParts ${key}`;
  }
  if (needs.get !== undefined || needs.list === true) yield 's3:ListBucket';
  if (needs.uploads === true) yield 's3:ListBucketMultipartUploads';
}

/** A backup that dies after it stopped the server: the next sweep starts it. */
async function leaveStopped({ clock, run }: World): Promise<void> {
  const crash = new AbortController();
  const onEvent = (event: HistoryEvent) => {
    const entered = 'stateEnteredEventDetails' in event ? event.stateEnteredEventDetails : null;
    if (entered?.name === 'SnapshotDisks') crash.abort(new Error('crash'));
  };
  await run('backup', { stop: true }, { signal: crash.signal, onEvent });
  await clock.advance(3 * 3600 * 1000);
  // Of a server that is gone: the sweep runs, and nothing is backed up.
  const gone = { servers: ['00000000-0000-4000-8000-000000000000'] };
  await run('backup', gone);
  await run('backup', gone);
}

describe('what each function needs of AWS', () => {
  let s3: S3Server;
  const published: EventEntry[] = [];

  /** A cloud with one server, which a machine or two run on. */
  const scene = async (
    play: (world: World, serverId: string) => Promise<void>,
    options: WorldOptions = {},
  ) => {
    const world = await startWorld(options);
    try {
      await play(world, await world.addServer('web', randomBytes(2 * MIB)));
      published.push(...world.published);
    } finally {
      await world.close();
    }
  };
  const failing = { kind: 'status', status: 403, message: 'quota' } as const;

  beforeAll(async () => {
    s3 = await startS3Server();
    const work = s3Store({
      client: s3Client({ endpoint: s3.url, credentials: s3.credentials, env: {} }),
      bucket: 'bank',
      prefix: '',
      clock: systemClock,
      log: silentLog,
    });
    await scene(async (world, serverId) => {
      await world.addVolume('data', serverId, randomBytes(MIB));
      await world.backUp();
      const checkpoints = await world.backUp({ include_volumes: true, stop: true });
      const restore = { checkpoint: checkpoints.get(serverId) ?? '' };
      expect((await world.run('restore', restore)).status).toBe('SUCCEEDED');
      await leaveStopped(world);
    });
    await scene(async (world, serverId) => {
      await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(2 * MIB));
      const first = (await world.backUp()).get(serverId) ?? '';
      // All but a little, so that a pack of the first checkpoint is worth rewriting when that is gone.
      await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(2 * MIB - 256 * 1024));
      world.cloud.faults.add({ service: 'image', method: 'DELETE' }, failing, { times: 6 });
      await world.backUp();
      await world.backUp({ enable_server_snapshot: false });
      const restore = { checkpoint: first, name: 'again', check: true };
      expect((await world.run('restore', restore)).status).toBe('SUCCEEDED');
      const proof = { ...restore, prove_boot: {} };
      expect((await world.run('restore', proof)).status).toBe('SUCCEEDED');
      world.cloud.faults.add({ service: 'compute', method: 'POST', path: /\/servers$/ }, failing);
      expect((await world.run('restore', restore)).status).toBe('FAILED');
      const download = { service: 'image', method: 'GET', path: /\/file$/ } as const;
      const fault = { kind: 'status', status: 503, message: 'busy' } as const;
      world.cloud.faults.add(download, fault, { times: 10_000, skip: 4 });
      await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(MIB));
      expect((await world.run('backup', {})).status).toBe('FAILED');
      expect((await world.run('verify', { sample_percent: 50 })).status).toBe('SUCCEEDED');
      expect((await world.run('verify', {})).status).toBe('SUCCEEDED');
      expect((await world.run('prune', { keep: { last: 2 } })).status).toBe('SUCCEEDED');
      expect((await world.run('collect-garbage', { force: true })).status).toBe('SUCCEEDED');
      await world.clock.advance(9 * DAY_MILLISECONDS);
      expect((await world.run('collect-garbage', { force: true })).status).toBe('SUCCEEDED');
      // What that has rewritten.
      expect((await world.run('collect-garbage', { force: true })).status).toBe('SUCCEEDED');
      expect((await world.run('backup', { servers: [] })).status).toBe('FAILED');
    });
    await scene(
      async (world, serverId) => {
        await world.backUp();
        const checkpoint = (await world.backUp()).get(serverId) ?? '';
        const restore = { checkpoint, name: 'again', import: 'web-download' };
        expect((await world.run('restore', restore)).status).toBe('SUCCEEDED');
        const proof = { ...restore, prove_boot: {} };
        expect((await world.run('restore', proof)).status).toBe('SUCCEEDED');
        const creation = { service: 'compute', method: 'POST', path: /\/servers$/ } as const;
        world.cloud.faults.add(creation, failing);
        expect((await world.run('restore', restore)).status).toBe('FAILED');
        world.cloud.faults.add(creation, failing);
        world.cloud.faults.add({ service: 'image', method: 'DELETE' }, failing, { times: 99 });
        expect((await world.run('restore', restore)).status).toBe('FAILED');
        world.cloud.faults.clear();
        await world.clock.advance(DAY_MILLISECONDS);
        await world.backUp();
        // The image and the server of the restore that succeeded.
        expect(await world.leftovers()).toHaveLength(2);
      },
      {
        places: { work, bank: memoryStore({ locking: true }) },
        lock: { mode: 'governance', days: 1 },
        cloud: { images: { range: 'refuse-400' } },
      },
    );
    await scene(async (world, serverId) => {
      for (let night = 0; night < 2; night += 1) await world.backUp();
      await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(MIB));
      const damaged = (await world.backUp()).get(serverId) ?? '';
      const { bank } = world.places;
      for await (const { key } of bank.list(`packs/${damaged}/`)) await bank.delete([key]);
      expect((await world.run('verify', { level: 'packs' })).status).toBe('FAILED');
      expect((await world.run('prune', { keep: { last: 1 } })).status).toBe('SUCCEEDED');
    });
    let days = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + days * DAY_MILLISECONDS };
    await scene(
      async (world, serverId) => {
        await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(2 * MIB));
        await world.backUp();
        days = 5;
        await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(2 * MIB));
        await world.backUp();
        days = 50;
        expect((await world.run('prune', { keep: { last: 1 } })).status).toBe('SUCCEEDED');
        const collect = { force: true, undelete_days: 0 };
        expect((await world.run('collect-garbage', collect)).status).toBe('SUCCEEDED');
      },
      {
        places: { bank: memoryStore({ clock, locking: true }) },
        lock: { mode: 'compliance', days: 8 },
      },
    );
    await scene(
      async (world) => {
        const run = { longPasses: 'container' } as const;
        expect((await world.run('backup', {}, run)).status).toBe('SUCCEEDED');
        expect((await world.run('backup', {}, run)).status).toBe('SUCCEEDED');
        const restore = { checkpoint: 'web@latest', name: 'again', import: 'stream' };
        expect((await world.run('restore', restore, run)).status).toBe('SUCCEEDED');
      },
      {
        places: { bank: memoryStore({ locking: true }) },
        lock: { mode: 'governance', days: 1 },
        cloud: { images: { range: 'refuse-400' } },
        settings: { functionPassBytes: MIB },
      },
    );
  }, 180_000);
  afterAll(async () => {
    await s3.close();
  });

  const names = MACHINES.map(readDefinition).flatMap(({ functions, containers }) => [
    ...functions,
    ...containers,
  ]);

  it.each([...new Set(names)].sort())('%s may do all that it does', (name) => {
    const done = recorded.get(name);

    expect(done, 'the runs call every function').toBeDefined();
    expect([...(done ?? [])].filter((need) => !wordsOf(NEEDS[name] ?? {}).has(need))).toEqual([]);
  });

  it('they may do little that they do not', () => {
    const unused = Object.fromEntries(
      names.map((name) => [
        name,
        [...wordsOf(NEEDS[name] ?? {})].filter(
          (need) =>
            recorded.get(name)?.has(need) !== true &&
            !RENEWALS.includes(need) &&
            RARELY[name]?.includes(need) !== true,
        ),
      ]),
    );

    expect(
      Object.fromEntries(Object.entries(unused).filter(([, left]) => left.length > 0)),
    ).toEqual({});
  });

  it('the events that the machines published are as their types say', () => {
    for (const { Source, DetailType, Detail } of published) {
      expect(Source).toBe(EVENT_SOURCE);
      const type = PUBLISHED_EVENTS[DetailType as keyof typeof PUBLISHED_EVENTS];
      expect(() => type.parse(Detail), DetailType).not.toThrow();
    }
    expect([...new Set(published.map(({ DetailType }) => DetailType))].sort()).toEqual([
      'Backup Completed',
      'Backup Failed',
      'Collection Completed',
      'Prune Completed',
      'Restore Completed',
      'Restore Failed',
      'Verification Completed',
      'Verification Failed',
    ]);
  });
});
