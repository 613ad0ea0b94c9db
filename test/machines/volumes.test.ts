import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { s3Client } from '../../lib/bank/store/s3-client.ts';
import { s3Store } from '../../lib/bank/store/s3.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { ServerOutcome } from '../../lib/protect/backup-summary.ts';
import { startDemoCloud } from '../../local/demo-cloud/start-demo-cloud.ts';
import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { type S3Server, startS3Server } from '../s3-server/s3-server.ts';
import { diskInBank } from './disk-in-bank.ts';
import { WorkingClock } from '../working-clock.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

const MIB = 1024 ** 2;
const WITH_VOLUMES = { include_volumes: true };
/** Which only administrators may read. */
const USER_DATA = { what: 'user data, if it had any' };

describe('a backup that includes volumes', () => {
  let world: World;
  const start = async (options?: WorldOptions) => {
    world = await startWorld(options);
    return world;
  };
  afterEach(async () => {
    await world.close();
  });

  const outcomes = async ({ output, cause }: ExecutionOutcome): Promise<ServerOutcome[]> => {
    const summary = (output ?? JSON.parse(cause ?? '')) as { outcomesKey: string };
    const bytes = await world.places.work.get(summary.outcomesKey);
    return ServerOutcome.array().parse(JSON.parse(Buffer.from(bytes).toString()));
  };
  const holds = async (checkpoint: string, disk: number, data: Uint8Array, at = MIB) => {
    const bytes = await diskInBank(world.services, checkpoint, disk);
    return Buffer.compare(bytes.subarray(at, at + data.length), data) === 0;
  };

  it('holds the root disk and the volumes in one checkpoint, and leaves nothing in the cloud', async () => {
    const { run, addServer, addVolume, leftovers } = await start();
    const [root, data, log] = [randomBytes(MIB), randomBytes(2 * MIB), randomBytes(MIB)];
    const id = await addServer('db', root);
    await addVolume('data', id, data);
    await addVolume('log', id, log);

    const [db] = await outcomes(await run('backup', WITH_VOLUMES));

    expect(db).toMatchObject({
      status: 'succeeded',
      diskBytes: 48 * MIB,
      newBytes: 4.5 * MIB,
      consistency: 'crash-consistent-per-disk',
      notCovered: 0,
      warnings: [],
    });
    const checkpoint = db?.checkpoint ?? '';
    expect(await holds(checkpoint, 0, root)).toBe(true);
    expect(await holds(checkpoint, 1, data)).toBe(true);
    expect(await holds(checkpoint, 2, log)).toBe(true);
    expect(await leftovers()).toEqual([]);
  });

  it('holds a server that boots from a volume, with what its image has in common with others', async () => {
    const { run, addServer, addVolumeBooted, leftovers } = await start();
    await addServer('web', randomBytes(MIB));
    await run('backup', { servers: ['web'] });
    const data = randomBytes(MIB);
    await addVolumeBooted('from-volume', data);

    const [server] = await outcomes(
      await run('backup', { servers: ['from-volume'], ...WITH_VOLUMES }),
    );

    expect(server).toMatchObject({
      status: 'succeeded',
      consistency: 'crash-consistent',
      newBytes: MIB,
    });
    expect(await holds(server?.checkpoint ?? '', 0, data)).toBe(true);
    expect(await leftovers()).toEqual([]);
  });

  it('stores only what changed, and keeps the number of a volume whatever else is attached', async () => {
    const { cloud, run, addServer, addVolume } = await start();
    const id = await addServer('db', randomBytes(MIB));
    const gone = await addVolume('gone', id, randomBytes(MIB));
    const data = randomBytes(2 * MIB);
    const kept = await addVolume('kept', id, data);
    await run('backup', WITH_VOLUMES);
    cloud.detachVolume(id, gone);
    const more = randomBytes(256 * 1024);
    await addVolume('new', id, more);
    await cloud.writeVolume(kept, 4 * MIB, more);

    const [db] = await outcomes(await run('backup', WITH_VOLUMES));

    // A chunk of the kept volume, and one of the new.
    expect(db).toMatchObject({ newBytes: 512 * 1024, notCovered: 0 });
    expect(await holds(db?.checkpoint ?? '', 2, data)).toBe(true);
    expect(await holds(db?.checkpoint ?? '', 2, more, 4 * MIB)).toBe(true);
    expect(await holds(db?.checkpoint ?? '', 3, more)).toBe(true);
  });

  it.each(['SHUTOFF', 'PAUSED', 'SUSPENDED'] as const)(
    'says of a server that is %s that its disks are of one moment',
    async (status) => {
      const { cloud, run, addServer, addVolume } = await start();
      const id = await addServer('db', randomBytes(MIB));
      await addVolume('data', id, randomBytes(MIB));
      const vmState = { SHUTOFF: 'stopped', PAUSED: 'paused', SUSPENDED: 'suspended' }[status];
      cloud.setServerState(id, { status, vmState });

      const [db] = await outcomes(await run('backup', { ...WITH_VOLUMES, stop: true }));

      expect(db?.consistency).toBe(vmState);
      expect(cloud.inventory().servers).toMatchObject([{ status }]);
    },
  );

  it('stops a running server, and starts it again before its data is read', async () => {
    const { cloud, run, addServer, addVolume, leftovers, places } = await start();
    const id = await addServer('db', randomBytes(MIB));
    await addVolume('data', id, randomBytes(MIB));
    const seen: string[] = [];
    const onEvent = (event: HistoryEvent) => {
      if (event.type !== 'TaskStateEntered' && event.type !== 'MapStateEntered') return;
      const { name } = event.stateEnteredEventDetails;
      if (['SnapshotDisks', 'UploadDisks'].includes(name)) {
        seen.push(`${name} ${String(cloud.inventory().servers[0]?.status)}`);
      }
    };

    const outcome = await run('backup', { ...WITH_VOLUMES, stop: true }, { onEvent });

    expect(await outcomes(outcome)).toMatchObject([{ consistency: 'stopped', warnings: [] }]);
    expect(seen).toEqual(['SnapshotDisks SHUTOFF', 'UploadDisks ACTIVE']);
    expect(await leftovers()).toEqual([]);
    expect(await keysOf(places.register, 'stopped/')).toEqual([]);
  });

  it('starts a stopped server again when its backup fails', async () => {
    const { cloud, run, addServer, addVolume, leftovers } = await start();
    const id = await addServer('db', randomBytes(MIB));
    await addVolume('data', id, randomBytes(MIB));
    cloud.faults.nextVolumeSnapshot('fails');

    const outcome = await run('backup', { ...WITH_VOLUMES, stop: true });

    expect(await outcomes(outcome)).toMatchObject([{ error: { name: 'VolumeSnapshotFailed' } }]);
    expect(cloud.inventory().servers).toMatchObject([{ status: 'ACTIVE' }]);
    expect(await leftovers()).toEqual([]);
  });

  it('sweeps up after a crash: starts the server again, removes snapshots, volumes and images', async () => {
    const { cloud, clock, run, addServer, addVolume, leftovers, places } = await start();
    const id = await addServer('db', randomBytes(MIB));
    await addVolume('data', id, randomBytes(MIB));
    const stop = new AbortController();
    const crashed = await run(
      'backup',
      { ...WITH_VOLUMES, stop: true },
      { signal: stop.signal, onEvent: at('SnapshotDisks', () => stop.abort(new Error('crash'))) },
    );
    expect(crashed.status).toBe('ABORTED');
    const again = new AbortController();
    await clock.advance(3 * 3600 * 1000);
    await run('backup', WITH_VOLUMES, {
      signal: again.signal,
      onEvent: at('PlanUpload', () => again.abort(new Error('crash'))),
    });
    expect(await leftovers()).not.toEqual([]);
    expect(cloud.inventory().servers).toMatchObject([{ status: 'ACTIVE' }]);
    await clock.advance(3 * 3600 * 1000);

    // What Cinder deletes in its own time is gone with the second.
    await run('backup', { servers: ['00000000-0000-4000-8000-000000000000'] });
    await run('backup', { servers: ['00000000-0000-4000-8000-000000000000'] });

    expect(await leftovers()).toEqual([]);
    expect(await keysOf(places.register, 'stopped/')).toEqual([]);
  });

  it.each([
    ['snapshot', 'VolumeSnapshotFailed'],
    ['volume', 'VolumeCopyFailed'],
    ['image', 'VolumeCopyFailed'],
  ] as const)(
    'goes on with other servers when a %s fails, and leaves nothing',
    async (what, error) => {
      const { cloud, run, addServer, addVolume, leftovers } = await start();
      const bad = await addServer('bad', randomBytes(MIB));
      await addVolume('data', bad, randomBytes(MIB));
      await addServer('good', randomBytes(MIB));
      if (what === 'snapshot') cloud.faults.nextVolumeSnapshot('fails');
      if (what === 'volume') cloud.faults.nextVolume('fails');
      if (what === 'image') cloud.faults.nextVolumeUpload('fails');

      const outcome = await run('backup', WITH_VOLUMES);

      expect(await outcomes(outcome)).toMatchObject([
        { name: 'good', status: 'succeeded' },
        { name: 'bad', status: 'failed', error: { name: error } },
      ]);
      expect(await leftovers()).toEqual([]);
    },
  );

  it.each([
    ['encrypted', { encrypted: true }],
    ['shared', { multiattach: true }],
    ['broken', {}],
  ])('refuses a volume that is %s by name, before anything is made', async (kind, more) => {
    const { cloud, run, addServer, addVolume, leftovers } = await start();
    const id = await addServer('db', randomBytes(MIB));
    const volumeId = await addVolume('data', id, randomBytes(MIB), more);
    if (kind === 'shared') cloud.attachVolume(await addServer('other', randomBytes(1)), volumeId);
    if (kind === 'broken') cloud.setVolumeStatus(volumeId, 'error');

    const [db] = await outcomes(await run('backup', { servers: ['db'], ...WITH_VOLUMES }));

    expect(db?.error).toMatchObject({
      name: 'VolumeNotProtectable',
      message: expect.stringContaining(volumeId),
    });
    expect(await leftovers()).toEqual([]);
  });

  it.each([1, 2])('fails by name where the quota of volumes allows only %i', async (countTotal) => {
    const volumes = { countTotal, gibBytes: 16 * MIB };
    const { run, addServer, addVolume, leftovers } = await start({ cloud: { volumes } });
    const id = await addServer('db', randomBytes(MIB));
    await addVolume('data', id, randomBytes(MIB));
    await addVolume('log', id, randomBytes(MIB));

    const [db] = await outcomes(await run('backup', WITH_VOLUMES));

    expect(db?.error?.name).toBe('QuotaExceeded');
    expect(await leftovers()).toEqual([]);
  });

  it('makes one snapshot, one volume and one image though the answers are lost', async () => {
    const { cloud, run, addServer, addVolume, leftovers } = await start();
    const id = await addServer('db', randomBytes(MIB));
    const data = randomBytes(MIB);
    await addVolume('data', id, data);
    for (const path of [/\/snapshots$/, /\/volumes$/, /\/action$/]) {
      cloud.faults.add({ service: 'volumev3', method: 'POST', path }, { kind: 'lost-answer' });
    }

    const [db] = await outcomes(await run('backup', WITH_VOLUMES));

    expect(db?.status).toBe('succeeded');
    expect(await holds(db?.checkpoint ?? '', 1, data)).toBe(true);
    expect(cloud.requests.matching('POST', /\/snapshots$/)).toHaveLength(1);
    expect(cloud.requests.matching('POST', /\/volumes$/)).toHaveLength(1);
    expect(await leftovers()).toEqual([]);
  });

  it('fails by name when the server is deleted meanwhile, and leaves nothing', async () => {
    const { cloud, run, addServer, addVolume, leftovers } = await start();
    const id = await addServer('db', randomBytes(MIB));
    await addVolume('data', id, randomBytes(MIB));
    const onEvent = at('SnapshotDisks', () => void cloud.removeServer(id).catch(() => undefined));

    const [db] = await outcomes(await run('backup', WITH_VOLUMES, { onEvent }));

    expect(db?.error?.name).toBe('ServerNotFound');
    expect(await leftovers()).toEqual([]);
  });

  it('backs servers without volumes up where the cloud has no Cinder', async () => {
    const { run, addServer } = await start({ cloud: { catalog: { without: ['volumev3'] } } });
    await addServer('web', randomBytes(MIB));

    const [web] = await outcomes(await run('backup', WITH_VOLUMES));

    expect(web).toMatchObject({ status: 'succeeded', consistency: 'crash-consistent' });
  });

  it('names the volumes that it leaves out, and the option that includes them, where it was not given', async () => {
    const { run, addServer, addVolume, addVolumeBooted } = await start();
    const id = await addServer('db', randomBytes(MIB));
    await addVolume('data', id, randomBytes(MIB));
    await addVolumeBooted('from-volume', randomBytes(1));

    const [booted, db] = await outcomes(await run('backup', {}));

    expect(db).toMatchObject({ status: 'succeeded', notCovered: 1 });
    expect(booted?.error).toMatchObject({
      name: 'VolumeBootedServer',
      message: expect.stringContaining('--include-volumes'),
    });
  });
});

describe('a restore with volumes', () => {
  let world: World;
  const start = async (options?: WorldOptions) => {
    world = await startWorld(options);
    return world;
  };
  let s3: S3Server | undefined;
  const startS3 = async () => {
    s3 = await startS3Server();
    const { url: endpoint, credentials } = s3;
    return { client: s3Client({ endpoint, credentials, env: {} }), bucket: 'bank', prefix: '' };
  };
  afterEach(async () => {
    await world.close();
    await s3?.close();
    s3 = undefined;
  });

  interface Summary {
    serverId: string;
    imageId: string | null;
    volumes: { disk: number; volumeId: string; device: string }[];
    notRestored: { what: string; why: string }[];
  }
  const contentOf = async ({ volumes }: Summary) =>
    await Promise.all(volumes.map(({ volumeId }) => world.cloud.readVolume(volumeId, MIB, MIB)));

  /** `db` with `data` and `log`, backed up and gone. */
  const startWithCheckpoint = async (options?: WorldOptions) => {
    const { cloud, addServer, addVolume, backUp } = await start(options);
    const [root, data, log] = [randomBytes(MIB), randomBytes(MIB), randomBytes(MIB)];
    const id = await addServer('db', root);
    const ids = [
      await addVolume('data', id, data, { metadata: { purpose: 'tables' } }),
      await addVolume('log', id, log),
    ];
    const checkpoint = (await backUp(WITH_VOLUMES)).get(id) ?? '';
    await cloud.removeServer(id);
    for (const volumeId of ids) await cloud.removeVolume(volumeId);
    return { ...world, checkpoint, root, data, log };
  };

  it.each(['web-download', 'stream'] as const)(
    'brings every disk back by %s, checked, attached in the order of the devices, and leaves no image beside the root disk',
    async (how) => {
      const { cloud, run, services, checkpoint, root, data, log } = await startWithCheckpoint(
        how === 'stream'
          ? {}
          : {
              places: {
                work: s3Store({ ...(await startS3()), clock: systemClock, log: silentLog }),
              },
            },
      );

      const outcome = await run('restore', { checkpoint, check: true, import: how });

      expect(outcome).toMatchObject({
        status: 'SUCCEEDED',
        output: {
          identical: true,
          volumes: [
            { disk: 1, device: '/dev/vdb' },
            { disk: 2, device: '/dev/vdc' },
          ],
          notRestored: [USER_DATA],
          warnings: [],
        },
      });
      const summary = outcome.output as unknown as Summary;
      expect(await contentOf(summary)).toEqual([new Uint8Array(data), new Uint8Array(log)]);
      expect(Buffer.compare(await cloud.readGuest(summary.serverId, MIB, MIB), root)).toBe(0);
      const { volumes } = await services.openstack();
      expect(await volumes.show(summary.volumes[0]?.volumeId ?? '')).toMatchObject({
        name: 'data',
        status: 'in-use',
        bootable: false,
        sizeGiB: 1,
        metadata: { purpose: 'tables', snapbank_restored_from: checkpoint },
        attachedServerIds: [summary.serverId],
      });
      const { images } = cloud.inventory();
      expect(images.map(({ id }) => id)).toContain(summary.imageId);
      expect(images).toHaveLength(2);
    },
  );

  it('brings a server back that boots from a volume, with what was to go with it', async () => {
    const { cloud, run, services, addVolume, addVolumeBooted, backUp } = await start();
    const [root, data] = [randomBytes(MIB), randomBytes(MIB)];
    const { serverId, volumeId } = await addVolumeBooted('from-volume', root);
    await addVolume('data', serverId, data);
    const checkpoint = (await backUp(WITH_VOLUMES)).get(serverId) ?? '';
    await cloud.removeServer(serverId);
    await cloud.removeVolume(volumeId);

    const outcome = await run('restore', { checkpoint });

    expect(outcome).toMatchObject({
      status: 'SUCCEEDED',
      output: {
        imageId: null,
        volumes: [
          { disk: 0, device: '/dev/vda' },
          { disk: 1, device: '/dev/vdb' },
        ],
        notRestored: [USER_DATA],
      },
    });
    const summary = outcome.output as unknown as Summary;
    expect(await contentOf(summary)).toEqual([new Uint8Array(root), new Uint8Array(data)]);
    const openstack = await services.openstack();
    expect(await openstack.servers.show(summary.serverId)).toMatchObject({
      status: 'ACTIVE',
      imageId: null,
    });
    expect(await openstack.volumes.show(summary.volumes[0]?.volumeId ?? '')).toMatchObject({
      bootable: true,
    });
    expect(cloud.inventory().images.map(({ name }) => name)).toEqual(['base']);
  });

  it('keeps delete_on_termination and the device tag', async () => {
    const { cloud, run, services, addServer, backUp } = await start();
    const openstack = await services.openstack();
    const id = await addServer('db', randomBytes(1));
    const volumeId = await cloud.addVolume({ name: 'data', sizeGib: 1 });
    cloud.attachVolume(id, volumeId, { tag: 'tables', deleteOnTermination: true });
    const checkpoint = (await backUp(WITH_VOLUMES)).get(id) ?? '';

    const { output } = await run('restore', { checkpoint });

    const { serverId } = output as unknown as Summary;
    expect(await openstack.servers.volumeAttachments(serverId)).toMatchObject([
      { device: '/dev/vdb', tag: 'tables', deleteOnTermination: true },
    ]);
  });

  it('says which device got another name', async () => {
    const { cloud, run, addServer, addVolume, backUp } = await start();
    const id = await addServer('db', randomBytes(1));
    const gone = await addVolume('gone', id, randomBytes(1));
    await addVolume('data', id, randomBytes(1));
    cloud.detachVolume(id, gone);
    const checkpoint = (await backUp(WITH_VOLUMES)).get(id) ?? '';

    const { output } = await run('restore', { checkpoint });

    expect(output).toMatchObject({
      volumes: [{ disk: 1, device: '/dev/vdb' }],
      notRestored: [
        USER_DATA,
        { what: 'device /dev/vdc of disk 1', why: 'Nova named it /dev/vdb.' },
      ],
    });
  });

  it.each([
    ['a volume cannot be made', 'VolumeNotRestored'],
    ['the server does not start', 'ServerNotStarted'],
  ])('leaves nothing when %s', async (_, error) => {
    const { cloud, run, leftovers, checkpoint } = await startWithCheckpoint({
      cloud: { volumes: { gibBytes: 16 * MIB }, durations: { buildMs: 3600_000 } },
    });
    if (error === 'VolumeNotRestored') cloud.faults.nextVolume('fails');
    const onEvent = at('WaitForServer', () => {
      const { id = '', name } = cloud.inventory().servers.at(-1) ?? {};
      if (error !== 'ServerNotStarted' || name !== 'db') return;
      cloud.setServerState(id, { status: 'ERROR', fault: 'No valid host was found.' });
    });

    const outcome = await run('restore', { checkpoint }, { onEvent });

    expect(outcome).toMatchObject({ status: 'FAILED', error });
    expect(await leftovers()).toEqual([]);
  });

  it('makes one volume of each disk though the answers are lost', async () => {
    const { cloud, run, checkpoint } = await startWithCheckpoint();
    cloud.faults.add(
      { service: 'volumev3', method: 'POST', path: /\/volumes$/ },
      { kind: 'lost-answer' },
    );

    const outcome = await run('restore', { checkpoint });

    expect(outcome.status).toBe('SUCCEEDED');
    expect(cloud.inventory().volumes).toHaveLength(2);
  });

  it('goes on where a crash ended it, with the volumes that it had made', async () => {
    const { cloud, run, checkpoint, data, log } = await startWithCheckpoint();
    const stop = new AbortController();
    let volumes = 0;
    const onEvent = at('RestoreVolume', () => {
      volumes += 1;
      if (volumes === 3) stop.abort(new Error('crash'));
    });
    const crashed = await run(
      'restore',
      { checkpoint },
      { name: 'again', signal: stop.signal, onEvent },
    );
    expect(crashed.status).toBe('ABORTED');

    const outcome = await run('restore', { checkpoint }, { name: 'again' });

    expect(outcome.status).toBe('SUCCEEDED');
    expect(await contentOf(outcome.output as unknown as Summary)).toEqual([
      new Uint8Array(data),
      new Uint8Array(log),
    ]);
    expect(cloud.inventory().volumes).toHaveLength(2);
  });

  it('restores the root disk alone where that is asked for, and names the others', async () => {
    const { cloud, run, checkpoint } = await startWithCheckpoint();

    const { output } = await run('restore', { checkpoint, without_volumes: true });

    expect(output).toMatchObject({
      volumes: [],
      notRestored: [USER_DATA, { what: 'disk 1' }, { what: 'disk 2' }],
    });
    expect(cloud.inventory().volumes).toEqual([]);
  });

  it('proves that a checkpoint boots with its volumes, and removes them all', async () => {
    const { run, leftovers, checkpoint } = await startWithCheckpoint();

    const outcome = await run('restore', { checkpoint, prove_boot: {} });

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { booted: true } });
    expect(await leftovers()).toEqual([]);
  });

  it('says with plan_only which volumes it would make', async () => {
    const { run, checkpoint, leftovers } = await startWithCheckpoint();

    const { output } = await run('restore', { checkpoint, plan_only: true });

    expect(output).toMatchObject({
      volumes: [
        { disk: 1, name: 'data', sizeGiB: 1, type: '__DEFAULT__', device: '/dev/vdb' },
        { disk: 2, name: 'log', sizeGiB: 1, device: '/dev/vdc' },
      ],
    });
    expect(await leftovers()).toEqual([]);
  });

  it.each([['the quota leaves the project 1', { volumes: { countTotal: 3, gibBytes: 16 * MIB } }]])(
    'refuses by name before anything is read where %s',
    async (why, cloudOptions) => {
      const { cloud, run, checkpoint } = await startWithCheckpoint({ cloud: cloudOptions });
      for (const name of ['one', 'two']) await cloud.addVolume({ name, sizeGib: 1 });

      const outcome = await run('restore', { checkpoint });

      expect(outcome).toMatchObject({
        status: 'FAILED',
        error: 'RestoreNotPossible',
        cause: expect.stringContaining(why),
      });
      expect(cloud.requests.matching('POST', /\/v2\/images$/)).toHaveLength(0);
    },
  );

  it('refuses by name where another cloud has no Cinder, and does without it if told to', async () => {
    const { clock, run, servicesIn, checkpoint } = await startWithCheckpoint();
    const other = await startDemoCloud({
      clock: new WorkingClock(clock),
      catalog: { without: ['volumev3'] },
    });
    other.addFlavor({ name: 'test', vcpus: 1, ramMib: 64, diskGib: 0 });
    const services = servicesIn(other);
    try {
      const refused = await run('restore', { checkpoint }, { services });
      expect(refused).toMatchObject({
        status: 'FAILED',
        error: 'RestoreNotPossible',
        cause: expect.stringContaining('no block storage service (Cinder)'),
      });
      const outcome = await run('restore', { checkpoint, without_volumes: true }, { services });
      expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { volumes: [] } });
    } finally {
      (await services.openstack()).close();
      await other.close();
    }
  });
});

function at(state: string, then: () => void): (event: HistoryEvent) => void {
  return (event) => {
    if ('stateEnteredEventDetails' in event && event.stateEnteredEventDetails.name === state)
      then();
  };
}

async function keysOf(
  store: { list: (prefix: string) => AsyncIterable<{ key: string }> },
  prefix: string,
): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}
