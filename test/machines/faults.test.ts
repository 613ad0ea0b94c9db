import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import type { RequestFault, RequestMatcher } from '../../local/demo-cloud/faults.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { faultyStore } from '../lib/bank/store/faulty-store.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { diskInBank } from './disk-in-bank.ts';
import { runWithSeed } from './seeded-faults.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

const MIB = 1024 ** 2;
const DATA_OFFSET = MIB;
const data = randomBytes(2 * MIB);
const FOR_EVER = 10_000;

const api: RequestMatcher[] = (['identity', 'compute', 'image', 'network'] as const).map(
  (service) => ({ service }),
);
const download: RequestMatcher = { service: 'image', method: 'GET', path: /\/file$/ };
const createImage: RequestMatcher = { service: 'compute', method: 'POST', path: /\/action$/ };
const uploadImage: RequestMatcher = { service: 'image', method: 'PUT', path: /\/file$/ };
const bootServer: RequestMatcher = { service: 'compute', method: 'POST', path: /\/servers$/ };
const showServer: RequestMatcher = { service: 'compute', method: 'GET', path: /\/servers\/[^/]+$/ };

const status = (code: number, more: { message?: string; retryAfterSeconds?: number } = {}) =>
  ({ kind: 'status', status: code, ...more }) as const;

interface Case {
  name: string;
  world?: WorldOptions;
  arrange?: (world: World, serverId: string) => void;
  /** Called at the end of every state, in the server's execution too. */
  meanwhile?: (world: World, state: string, serverId: string) => void;
  /** Undefined where all must go well. */
  error?: string;
}

/** The fault for the next so many of these requests. */
const meets =
  (matcher: RequestMatcher, fault: RequestFault, times = 1, skip = 0) =>
  ({ cloud }: World) =>
    cloud.faults.add(matcher, fault, { times, skip });

const later = async (clock: Clock, milliseconds: number, happens: () => void) => {
  await clock.sleep(milliseconds);
  happens();
};

const onePass: WorldOptions = { cloud: { images: { range: 'refuse-400' } } };

const wholeOf206: WorldOptions = { cloud: { images: { range: 'whole-206' } } };
const threeRegions: WorldOptions = {
  cloud: {
    catalog: { region: 'Middle', otherRegions: ['North', 'South'], interfaces: ['internal'] },
  },
  cloudEnvironment: { OS_INTERFACE: 'internal' },
};
/** All that a server can be shown without and still be backed up. */
const OPTIONAL_KEYS = [
  'tenant_id',
  'user_id',
  'hostId',
  'metadata',
  'flavor',
  'addresses',
  'security_groups',
  'key_name',
  'config_drive',
  'created',
  'description',
  'tags',
  'locked',
  'OS-EXT-AZ:availability_zone',
  'OS-EXT-SRV-ATTR:hostname',
  'OS-EXT-STS:task_state',
  'OS-EXT-STS:vm_state',
  'OS-EXT-STS:power_state',
  'OS-SRV-USG:launched_at',
  'os-extended-volumes:volumes_attached',
  'server_groups',
];

const BACKUPS: Case[] = [
  { name: 'slow downloads', arrange: meets(download, { kind: 'slow', bytesPerSecond: MIB }, 4) },
  {
    name: 'downloads that are cut',
    arrange: meets(download, { kind: 'cut', afterBytes: 100_000 }, 5, 1),
  },
  {
    name: 'a download in one pass that is cut',
    world: onePass,
    arrange: meets(download, { kind: 'cut', afterBytes: 700_000 }, 2, 1),
  },
  {
    name: 'connections reset',
    arrange: (world) => api.forEach((each) => meets(each, { kind: 'reset' }, 4)(world)),
  },
  {
    name: '500 from every service',
    arrange: (world) => api.forEach((each) => meets(each, status(500), 4)(world)),
  },
  {
    name: '503 from every service',
    arrange: (world) => api.forEach((each) => meets(each, status(503), 4)(world)),
  },
  {
    name: '429 with Retry-After',
    arrange: (world) =>
      api.forEach((each) => meets(each, status(429, { retryAfterSeconds: 30 }), 4)(world)),
  },
  {
    name: '503 from Nova for ever',
    arrange: meets({ service: 'compute' }, status(503), FOR_EVER),
    error: 'OpenStackUnavailable',
  },
  {
    name: '429 to createImage for ever',
    arrange: meets(createImage, status(429, { retryAfterSeconds: 10 }), FOR_EVER),
    error: 'TooManyRequests',
  },
  {
    name: '500 to downloads for ever',
    arrange: meets(download, status(500), FOR_EVER, 2),
    error: 'OpenStackUnavailable',
  },
  {
    name: '401 in the middle',
    arrange: (world) =>
      [download, createImage, showServer].forEach((each) => meets(each, status(401), 1, 1)(world)),
  },
  {
    name: '401 to downloads for ever',
    arrange: meets(download, status(401), FOR_EVER, 1),
    error: 'AuthenticationFailed',
  },
  {
    name: '409 of a busy server',
    arrange: meets(
      createImage,
      status(409, {
        message: "Cannot 'createImage' instance 1 while it is in task_state image_uploading",
      }),
      5,
    ),
  },
  {
    name: '409 of a state that has no snapshots',
    arrange: meets(
      createImage,
      status(409, { message: "Cannot 'createImage' instance 1 while it is in vm_state rescued" }),
      FOR_EVER,
    ),
    error: 'ServerInWrongState',
  },
  {
    name: '413 of a quota',
    arrange: meets(createImage, status(413, { message: 'Quota exceeded' }), FOR_EVER),
    error: 'QuotaExceeded',
  },
  {
    name: '403 of a policy',
    arrange: meets(createImage, status(403, { message: 'Policy does not allow it' }), FOR_EVER),
    error: 'Forbidden',
  },
  {
    name: 'a Content-Length that is too large',
    arrange: meets(download, { kind: 'content-length', differBy: 100 }, 3, 1),
  },
  {
    name: 'a Content-Length that is too small',
    arrange: meets(download, { kind: 'content-length', differBy: -100 }, 3, 1),
  },
  { name: 'no Content-Length', world: { cloud: { images: { contentLength: false } } } },
  {
    name: 'no Content-Length in one pass',
    world: { cloud: { images: { contentLength: false, range: 'refuse-400' } } },
  },
  {
    name: 'a snapshot that vanishes',
    arrange: ({ cloud }) => cloud.faults.nextSnapshot('vanishes'),
    error: 'SnapshotFailed',
  },
  {
    name: 'a snapshot queued for ever',
    arrange: ({ cloud }) => cloud.faults.nextSnapshot('compute-restarts'),
  },
  {
    name: 'snapshots queued for ever, one after the other',
    arrange: ({ cloud }) => {
      for (let count = 0; count < 20; count += 1) cloud.faults.nextSnapshot('compute-restarts');
    },
    error: 'SnapshotLost',
  },
  {
    name: 'a snapshot killed',
    arrange: ({ cloud }) => cloud.faults.nextSnapshot('killed'),
    error: 'SnapshotFailed',
  },
  {
    name: 'a snapshot image deleted while it is read',
    meanwhile: ({ cloud }, state) => {
      if (state !== 'PlanUpload') return;
      for (const { id, name } of cloud.inventory().images)
        if (name.startsWith('snapbank-')) void cloud.removeImage(id);
    },
    error: 'ImageNotFound',
  },
  {
    name: 'a server deleted meanwhile',
    meanwhile: ({ cloud }, state, serverId) => {
      if (state === 'CreateServerSnapshot') void cloud.removeServer(serverId);
    },
    error: 'SnapshotFailed',
  },
  { name: 'a hash that stays null', world: { cloud: { images: { hash: 'never' } } } },
  {
    name: 'a hash that comes late, in one pass',
    world: { cloud: { images: { hash: 'late', lateHashMs: 60_000, range: 'refuse-400' } } },
  },
  {
    name: 'a hash that does not match',
    world: onePass,
    arrange: meets(download, { kind: 'flip', atByte: 700_000 }, FOR_EVER),
    error: 'ChecksumMismatch',
  },
  {
    name: 'a byte turned once on the way, in one pass',
    world: onePass,
    arrange: meets(download, { kind: 'flip', atByte: 700_000 }, 1, 1),
  },
  {
    name: '416 for ever',
    arrange: meets(download, status(416), FOR_EVER, 1),
    error: 'ImageTruncated',
  },
  { name: 'tokens that live for 2 seconds', world: { cloud: { tokenLifetimeSeconds: 2 } } },
  { name: 'pages of one', world: { cloud: { pageSize: 1 } } },
  { name: 'three regions and no public endpoint', world: threeRegions },
  { name: 'a store that refuses ranges', world: onePass },
  { name: 'a store that answers 206 with everything', world: wholeOf206 },
  { name: 'an image of no known size', world: { cloud: { images: { size: 'never' } } } },
  {
    name: 'an image of no known size, ranges, Content-Length and hash',
    world: {
      cloud: {
        images: { size: 'never', range: 'refuse-400', contentLength: false, hash: 'never' },
      },
    },
    error: 'ImageSizeUnknown',
  },
  { name: 'servers with missing keys', world: { cloud: { serversWithout: OPTIONAL_KEYS } } },
  {
    name: 'a server being built',
    world: { cloud: { durations: { actionMs: 60_000 } } },
    arrange: ({ cloud }, serverId) => {
      cloud.setServerState(serverId, { status: 'BUILD', vmState: 'building' });
    },
    meanwhile: ({ cloud, clock }, state, serverId) => {
      if (state !== 'OpenCheckpoint') return;
      void later(clock, 60_000, () => {
        cloud.setServerState(serverId, { status: 'ACTIVE', vmState: 'active' });
      });
    },
  },
  {
    name: 'a server of a cell that is down',
    arrange: ({ cloud }, serverId) => {
      cloud.setServerState(serverId, { cellDown: true });
    },
    error: 'OpenStackUnavailable',
  },
  {
    name: 'a server of a cell that is down for a while',
    arrange: ({ cloud, clock }, serverId) => {
      cloud.setServerState(serverId, { cellDown: true });
      void later(clock, 3_000, () => {
        cloud.setServerState(serverId, { cellDown: false });
      });
    },
  },
  { name: 'an old Nova', world: { cloud: { maxMicroversion: '2.1' } } },
  { name: 'a Nova of some years ago', world: { cloud: { maxMicroversion: '2.60' } } },
  { name: 'a newer Nova', world: { cloud: { maxMicroversion: '2.150' } } },
];

const RESTORES: Case[] = [
  {
    name: 'connections reset',
    arrange: (world) =>
      [...api, uploadImage].forEach((each) => meets(each, { kind: 'reset' }, 3)(world)),
  },
  {
    name: '503 from every service',
    arrange: (world) => [...api, uploadImage].forEach((each) => meets(each, status(503), 3)(world)),
  },
  {
    name: '429 with Retry-After',
    arrange: (world) =>
      [...api, uploadImage].forEach((each) =>
        meets(each, status(429, { retryAfterSeconds: 30 }), 3)(world),
      ),
  },
  {
    name: '401 in the middle',
    arrange: (world) =>
      [uploadImage, download, bootServer, showServer].forEach((each) =>
        meets(each, status(401))(world),
      ),
  },
  { name: 'an upload whose answer is lost', arrange: meets(uploadImage, { kind: 'lost-answer' }) },
  {
    name: 'a 500 after the upload took effect',
    arrange: meets(uploadImage, { kind: 'lost-answer', status: 500 }),
  },
  {
    name: '413 to the upload',
    arrange: meets(
      uploadImage,
      status(413, { message: 'Denying attempt to upload image' }),
      FOR_EVER,
    ),
    error: 'QuotaExceeded',
  },
  {
    name: '503 to the upload for ever',
    arrange: meets(uploadImage, status(503), FOR_EVER),
    error: 'OpenStackUnavailable',
  },
  {
    name: 'a quota of servers',
    arrange: meets(
      bootServer,
      status(403, {
        message: 'Quota exceeded for instances: Requested 1, but already used 10 of 10 instances',
      }),
      FOR_EVER,
    ),
    error: 'QuotaExceeded',
  },
  {
    name: 'a read back that is cut',
    arrange: meets(download, { kind: 'cut', afterBytes: 10_000 }, 3),
  },
  {
    name: 'an image deleted meanwhile',
    meanwhile: ({ cloud }, state) => {
      if (state === 'CreateImage')
        void cloud.removeImage(cloud.inventory().images.at(-1)?.id ?? '');
    },
    error: 'ImageNotFound',
  },
  {
    name: 'a server deleted meanwhile',
    meanwhile: ({ cloud }, state) => {
      if (state === 'CreateServer')
        void cloud.removeServer(cloud.inventory().servers.at(-1)?.id ?? '');
    },
    error: 'ServerNotFound',
  },
  {
    name: 'a server that goes to ERROR',
    world: { cloud: { durations: { buildMs: 3600_000 } } },
    meanwhile: ({ cloud }, state) => {
      if (state === 'CreateServer')
        cloud.setServerState(cloud.inventory().servers.at(-1)?.id ?? '', {
          status: 'ERROR',
          fault: 'No valid host was found.',
        });
    },
    error: 'ServerNotStarted',
  },
  { name: 'tokens that live for 2 seconds', world: { cloud: { tokenLifetimeSeconds: 2 } } },
  { name: 'pages of one', world: { cloud: { pageSize: 1 } } },
  { name: 'an old Nova', world: { cloud: { maxMicroversion: '2.1' } } },
  { name: 'a newer Nova', world: { cloud: { maxMicroversion: '2.150' } } },
  {
    name: '500 from every service',
    arrange: (world) => [...api, uploadImage].forEach((each) => meets(each, status(500), 3)(world)),
  },
  { name: 'a 409 to the upload', arrange: meets(uploadImage, status(409)) },
  { name: 'a slow read back', arrange: meets(download, { kind: 'slow', bytesPerSecond: MIB }, 4) },
  {
    name: 'a Content-Length that is too large, read back',
    arrange: meets(download, { kind: 'content-length', differBy: 100 }, 3, 1),
  },
  {
    name: 'a Content-Length that is too small, read back',
    arrange: meets(download, { kind: 'content-length', differBy: -100 }, 3, 1),
  },
  { name: 'no Content-Length', world: { cloud: { images: { contentLength: false } } } },
  { name: 'a store that refuses ranges', world: onePass },
  { name: 'a store that answers 206 with everything', world: wholeOf206 },
  { name: 'an image of no known size', world: { cloud: { images: { size: 'never' } } } },
  { name: 'a hash that stays null', world: { cloud: { images: { hash: 'never' } } } },
  {
    name: 'a byte turned in the cloud, read back',
    arrange: meets(download, { kind: 'flip', atByte: 700_000 }, FOR_EVER, 1),
    error: 'RestoreNotIdentical',
  },
  {
    name: '416 to the read back for ever',
    arrange: meets(download, status(416), FOR_EVER, 1),
    error: 'ImageTruncated',
  },
  { name: 'three regions and no public endpoint', world: threeRegions },
  {
    name: 'servers with missing keys',
    world: { cloud: { serversWithout: OPTIONAL_KEYS.filter((key) => key !== 'flavor') } },
  },
  {
    name: 'a server that never showed its flavor',
    world: { cloud: { serversWithout: ['flavor'] } },
    error: 'RestoreNotPossible',
  },
];

describe('faults of the cloud', () => {
  let world: World;
  let serverId: string;
  const start = async (options: WorldOptions | undefined) => {
    world = await startWorld(options);
    serverId = await world.addServer('web', data);
  };
  afterEach(async () => {
    await world.close();
  });

  const follow = (meanwhile: Case['meanwhile']) => (event: HistoryEvent) => {
    if (event.type !== 'TaskStateExited') return;
    meanwhile?.(world, event.stateExitedEventDetails.name, serverId);
  };
  const restored = async (options: Pick<Case, 'meanwhile'> = {}) =>
    await world.run(
      'restore',
      { checkpoint: 'web@latest', name: 'again', check: true },
      { onEvent: follow(options.meanwhile) },
    );
  const expectTheData = async (output: unknown) => {
    const { serverId: id } = output as { serverId: string };
    expect(Buffer.compare(await world.cloud.readGuest(id, DATA_OFFSET, data.length), data)).toBe(0);
  };

  it.each(BACKUPS)('end a backup well or with one clear error, and clean: $name', async (each) => {
    await start(each.world);
    each.arrange?.(world, serverId);

    const outcome = await world.run('backup', {}, { onEvent: follow(each.meanwhile) });

    world.cloud.faults.clear();
    expect(await world.leftovers()).toEqual([]);
    if (each.error === undefined) {
      expect(outcome, `${outcome.error ?? ''} ${outcome.cause ?? ''}`).toMatchObject({
        status: 'SUCCEEDED',
      });
      const disk = await diskInBank(world.services, 'web@latest');
      expect(Buffer.compare(disk.subarray(DATA_OFFSET, DATA_OFFSET + data.length), data)).toBe(0);
    } else {
      expect(outcome.status).toBe('FAILED');
      expect(errorOf(outcome)).toBe(each.error);
    }
  });

  it.each(RESTORES)(
    'end a restore well or with one clear error, and clean: $name',
    async (each) => {
      await start(each.world);
      await world.backUp();
      each.arrange?.(world, serverId);

      const outcome = await restored(each);

      world.cloud.faults.clear();
      if (each.error === undefined) {
        expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { identical: true } });
        await expectTheData(outcome.output);
        expect(await world.leftovers()).toHaveLength(2);
      } else {
        expect(outcome).toMatchObject({ status: 'FAILED', error: each.error });
        expect(await world.leftovers()).toEqual([]);
      }
    },
  );
});

describe('a work place that fails the Maps themselves', () => {
  it.each(['items/', 'results/'])('once, below %s', async (prefix) => {
    const failed = new Set<string>();
    const work = faultyStore(memoryStore({ location: 'memory:work' }), ({ method, key }) => {
      const isMine = key.startsWith(prefix) && method === (prefix === 'items/' ? 'get' : 'put');
      // Each attempt of a Map writes below a name of its own.
      const once = key.split('/').slice(0, 2).join('/');
      if (!isMine || failed.has(once)) return undefined;
      failed.add(once);
      return 'before';
    });
    const world = await startWorld({ places: { work } });
    try {
      await world.addServer('web', data);

      expect(await world.run('backup', {})).toMatchObject({ status: 'SUCCEEDED' });
      expect(failed.size).toBeGreaterThan(0);
      expect(world.cloud.requests.serverActions()).toHaveLength(1);
    } finally {
      await world.close();
    }
  });
});

describe('faults of the cloud and of all stores at random', () => {
  it.each([1, 2, 3, 4])('harm nothing that was said to be done, seed %i', async (seed) => {
    const { requestFaults, storeFaults } = await runWithSeed(seed);

    expect(requestFaults + storeFaults).toBeGreaterThan(0);
  });
});

/** The error of the only server, or of the run where none was begun. */
function errorOf({ error, cause }: { error?: string; cause?: string }): string | undefined {
  if (error !== 'BackupIncomplete') return error;
  const { failures } = JSON.parse(cause ?? '') as { failures: { error: string }[] };
  return failures[0]?.error;
}
