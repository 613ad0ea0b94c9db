import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { diskInBank } from './disk-in-bank.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

const MIB = 1024 ** 2;

const CREATE_IMAGE = { service: 'compute', method: 'POST', path: /\/action$/ } as const;
const NOBODY = '00000000-0000-4000-8000-000000000000';

describe('the backup machine', () => {
  let world: World;
  const start = async (options?: WorldOptions) => {
    world = await startWorld(options);
    return world;
  };
  afterEach(async () => {
    await world.close();
  });

  it('makes items that name the server in extra_info of its boot image', async () => {
    const { cloud, places, run, addServer } = await start();
    const serverId = await addServer('web', randomBytes(MIB));

    await run('backup', { servers: ['web'] });

    const items: string[] = [];
    for await (const { key } of places.work.list('items/')) items.push(key);
    const [line] = Buffer.from(await places.work.get(items[0] ?? ''))
      .toString()
      .split('\n');
    const item = JSON.parse(line ?? '');
    expect(item).toMatchObject({ type: 'OS::Nova::Server', id: serverId });
    expect(item.children[0]).toMatchObject({
      type: 'OS::Glance::Image',
      extra_info: { server_id: serverId },
    });
    expect(item.children[0].id).toBe(cloud.inventory().images[0]?.id);
  });

  it('snapshots exactly the servers that the items name, once each', async () => {
    const { cloud, backUp, addServer } = await start();
    const web = await addServer('web', randomBytes(MIB));
    await addServer('other', randomBytes(MIB));

    await backUp({ servers: ['web'] });

    const snapshots = cloud.requests.serverActions();
    expect(snapshots.map(({ path }) => path)).toEqual([
      expect.stringContaining(`/servers/${web}/action`),
    ]);
  });

  it('keeps two servers of one image apart', async () => {
    const { run, backUp, cloud, addServer } = await start();
    const data = new Map<string, Buffer>();
    for (const name of ['web', 'db']) {
      const bytes = randomBytes(2 * MIB);
      data.set(await addServer(name, bytes), bytes);
    }

    const checkpoints = await backUp();

    expect(checkpoints.size).toBe(2);
    for (const [serverId, bytes] of data) {
      const restored = await run('restore', {
        checkpoint: checkpoints.get(serverId) ?? '',
        name: `new-${serverId}`,
      });
      expect(restored.status).toBe('SUCCEEDED');
      const { serverId: newId } = restored.output as { serverId: string };
      expect(Buffer.compare(await cloud.readGuest(newId, MIB, bytes.length), bytes)).toBe(0);
    }
  });

  it('stores only what changed since the checkpoint before', async () => {
    const { cloud, run, addServer } = await start();
    const id = await addServer('web', randomBytes(4 * MIB));
    const first = await run('backup', {});
    await cloud.writeGuest(id, 2 * MIB, randomBytes(64 * 1024));

    const second = await run('backup', {});

    expect(first.output).toMatchObject({ newBytes: 4.5 * MIB });
    expect(second.output).toMatchObject({ newBytes: 256 * 1024, failed: 0 });
  });

  it('takes what servers of one image have in common from the first of them', async () => {
    const { run, addServer } = await start();
    await addServer('web', randomBytes(MIB));
    await run('backup', { servers: ['web'] });
    await addServer('db', randomBytes(MIB));

    const outcome = await run('backup', { servers: ['db'] });

    expect(outcome.output).toMatchObject({ newBytes: MIB });
  });

  it('leaves no snapshot image behind', async () => {
    const { backUp, addServer, leftovers } = await start();
    await addServer('web', randomBytes(MIB));

    await backUp();

    expect(await leftovers()).toEqual([]);
  });

  it('backs the boot image up as it is when the input says so, and says so', async () => {
    const { cloud, run, addServer } = await start();
    await addServer('web', randomBytes(MIB));

    const outcome = await run('backup', { enable_server_snapshot: false });

    expect(outcome.output).toMatchObject({ failed: 0, newBytes: MIB / 2 });
    expect(cloud.requests.serverActions()).toEqual([]);
  });

  it('follows ENABLE_SERVER_SNAPSHOT where the input says nothing, and the input where it does', async () => {
    const { cloud, run, addServer } = await start({ settings: { enableServerSnapshot: false } });
    await addServer('web', randomBytes(MIB));
    const snapshots = () => cloud.requests.serverActions().length;

    await run('backup', {});
    expect(snapshots()).toBe(0);
    await run('backup', { enable_server_snapshot: true });
    expect(snapshots()).toBe(1);
  });

  it('goes on with the others when one server fails, and fails in the end', async () => {
    const { cloud, run, addServer, leftovers, published } = await start();
    const bad = await addServer('bad', randomBytes(MIB));
    await addServer('good', randomBytes(MIB));
    cloud.faults.nextSnapshot('vanishes', bad);

    const outcome = await run('backup', {});

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'BackupIncomplete' });
    const summary = JSON.parse(outcome.cause ?? '');
    expect(summary).toMatchObject({
      succeeded: 1,
      failed: 1,
      failures: [{ id: bad, name: 'bad', error: 'SnapshotFailed' }],
    });
    expect(published.map(({ DetailType }) => DetailType)).toEqual(['Backup Failed']);
    expect(await leftovers()).toEqual([]);
  });

  it.each([
    ['killed', 'SnapshotFailed'],
    ['never-ends', 'DeadlineExceeded'],
  ] as const)('gives a snapshot up that %s, and removes its image', async (fault, error) => {
    const { cloud, run, addServer, leftovers } = await start();
    cloud.faults.nextSnapshot(fault, await addServer('web', randomBytes(MIB)));

    const outcome = await run('backup', {});

    expect(JSON.parse(outcome.cause ?? '').failures).toMatchObject([{ error }]);
    expect(await leftovers()).toEqual([]);
  });

  it('finds the image of a createImage whose answer was lost', async () => {
    const { cloud, backUp, addServer, leftovers } = await start();
    await addServer('web', randomBytes(MIB));
    cloud.faults.add(
      { service: 'compute', method: 'POST', path: /\/action$/ },
      { kind: 'lost-answer' },
    );

    await backUp();

    const asked = cloud.requests.serverActions();
    expect(asked).toHaveLength(1);
    expect(await leftovers()).toEqual([]);
  });

  describe('when a user snapshots the server in the same moment and comes first', () => {
    const answers = [
      ['says so', undefined],
      ['does not get through to say so', { kind: 'lost-answer', status: 504 }],
      ['cannot say so', { kind: 'lost-answer' }],
    ] as const;
    it.each(answers)('asks again until it is taken, where Nova %s', async (_, lost) => {
      const { cloud, backUp, addServer, leftovers } = await start();
      const data = randomBytes(MIB);
      cloud.faults.nextSnapshot('race', await addServer('web', data));
      if (lost !== undefined) cloud.faults.add(CREATE_IMAGE, lost);

      await backUp();

      const disk = await diskInBank(world.services, 'web@latest');
      expect(disk.subarray(MIB, 2 * MIB).equals(data)).toBe(true);
      expect(await leftovers()).toEqual(['of a user (active)']);
    });

    it.each(answers)('and goes on snapshotting, so too, where Nova %s', async (_, lost) => {
      const { cloud, clock, run, addServer, leftovers } = await start();
      cloud.faults.nextSnapshot('race-and-more', await addServer('web', randomBytes(MIB)));
      if (lost !== undefined) cloud.faults.add(CREATE_IMAGE, lost);
      const begun = clock.now();
      const lostAfterSeconds: number[] = [];
      const onEvent = (event: HistoryEvent) => {
        if (event.type !== 'TaskFailed') return;
        if (event.taskFailedEventDetails.error !== 'SnapshotLost') return;
        lostAfterSeconds.push((clock.now() - begun) / 1000);
      };

      expect(await run('backup', {}, { onEvent })).toMatchObject({ status: 'SUCCEEDED' });

      // Within two of the user's snapshots of 30 s, and not when the user has done with all twenty.
      const soon = expect.closeTo(100, -2);
      expect(lostAfterSeconds).toEqual(lost === undefined ? [] : [soon]);
      expect(new Set(await leftovers())).toEqual(new Set(['of a user (active)']));
    });
  });

  it('refuses a server that boots from a volume by name, before anything is made of it', async () => {
    const { run, addServer, addVolumeBooted, leftovers } = await start();
    await addServer('web', randomBytes(MIB));
    const { serverId: id } = await addVolumeBooted('from-volume', randomBytes(MIB));

    const outcome = await run('backup', {});

    expect(JSON.parse(outcome.cause ?? '')).toMatchObject({
      succeeded: 1,
      failures: [{ id, error: 'VolumeBootedServer' }],
    });
    expect(await leftovers()).toEqual([]);
  });

  it('backs a server up whose boot image has been deleted', async () => {
    const { cloud, backUp, addServer } = await start();
    await addServer('web', randomBytes(MIB));
    await cloud.removeImage(cloud.inventory().images[0]?.id ?? '');

    expect((await backUp()).size).toBe(1);
  });

  it('fails by name for a server that Nova does not know', async () => {
    const { run } = await start();

    const outcome = await run('backup', { servers: [NOBODY] });

    expect(JSON.parse(outcome.cause ?? '').failures).toMatchObject([
      { id: NOBODY, error: 'ServerNotFound' },
    ]);
  });

  it('refuses names that no server has, and a name of several, before any backup', async () => {
    const { run, addServer } = await start();
    await addServer('web-1', randomBytes(MIB));
    const twins = [
      await addServer('twin', randomBytes(MIB)),
      await addServer('twin', randomBytes(MIB)),
    ];

    const unknown = await run('backup', { servers: ['web-1', 'wbe-1', 'nobody', NOBODY] });
    const several = await run('backup', { servers: ['web-1', 'twin'] });

    expect(unknown).toMatchObject({ status: 'FAILED', error: 'NoServerSelected' });
    expect(unknown.cause).toMatch(/names \\"wbe-1\\", \\"nobody\\"; nothing.*Near: web-1\./);
    expect(several).toMatchObject({ status: 'FAILED', error: 'InvalidInput' });
    for (const id of twins) expect(several.cause).toContain(id);
  });

  it('says what is wrong with an input before anything is done', async () => {
    const { run } = await start();

    const outcome = await run('backup', { severs: ['web'] });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'InvalidInput' });
    expect(outcome.cause).toContain('severs');
  });

  it.each(['refuse-400', 'whole-206'] as const)(
    'reads in one pass where the store answers ranges with %s, and stores the same',
    async (range) => {
      const { cloud, run, backUp, addServer } = await start({ cloud: { images: { range } } });
      const bytes = randomBytes(2 * MIB);
      const id = await addServer('web', bytes);

      const checkpoint = (await backUp()).get(id) ?? '';
      const restored = await run('restore', { checkpoint, name: 'again', check: true });

      expect(restored.output).toMatchObject({ identical: true });
      const { serverId } = restored.output as { serverId: string };
      expect(Buffer.compare(await cloud.readGuest(serverId, MIB, bytes.length), bytes)).toBe(0);
    },
  );

  it.each(['SHUTOFF', 'PAUSED', 'SUSPENDED'])('backs a server up that is %s', async (status) => {
    const { cloud, backUp, addServer } = await start();
    const id = await addServer('web', randomBytes(MIB));
    const vmState = { SHUTOFF: 'stopped', PAUSED: 'paused', SUSPENDED: 'suspended' }[status] ?? '';
    cloud.setServerState(id, { status, vmState });

    expect((await backUp()).has(id)).toBe(true);
  });

  it('backs up all the same when the snapshot image cannot be deleted, warns, and sweeps it away next time', async () => {
    const { cloud, places, run, addServer, leftovers } = await start();
    await addServer('web', randomBytes(MIB));
    cloud.faults.add(
      { service: 'image', method: 'DELETE' },
      { kind: 'status', status: 403, message: 'protected' },
      { times: 6 },
    );

    const outcome = await run('backup', {});

    expect(outcome.status).toBe('SUCCEEDED');
    const { outcomesKey } = outcome.output as { outcomesKey: string };
    const [web] = JSON.parse(Buffer.from(await places.work.get(outcomesKey)).toString());
    expect(web.warnings).toEqual([expect.stringMatching(/^DeleteServerSnapshot: /)]);
    expect(await leftovers()).toHaveLength(1);
    await run('backup', {});
    expect(await leftovers()).toEqual([]);
  });

  it('leaves in the work place only what tells of the execution', async () => {
    const { places, backUp, addServer } = await start();
    await addServer('web', randomBytes(MIB));

    await backUp();

    const kinds = new Set<string>();
    for await (const { key } of places.work.list('')) kinds.add(key.split('/')[0] ?? '');
    expect(kinds).toEqual(new Set(['items', 'outcomes', 'results']));
  });

  it('stops at once when it is told to, and goes on under the same name', async () => {
    const { cloud, run, addServer, leftovers } = await start();
    await addServer('web', randomBytes(4 * MIB));
    const stop = new AbortController();
    const first = await run(
      'backup',
      {},
      {
        name: 'nightly',
        signal: stop.signal,
        onEvent: (event) => {
          if (
            event.type === 'TaskStateExited' &&
            event.stateExitedEventDetails.name === 'PlanUpload'
          ) {
            stop.abort(new Error('Ctrl-C'));
          }
        },
      },
    );
    expect(first.status).toBe('ABORTED');

    const second = await run('backup', {}, { name: 'nightly' });

    expect(second.status).toBe('SUCCEEDED');
    expect(cloud.requests.serverActions()).toHaveLength(1);
    expect(await leftovers()).toEqual([]);
  });
});
