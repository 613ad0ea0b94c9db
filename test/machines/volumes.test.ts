import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { ServerOutcome } from '../../lib/protect/backup-summary.ts';
import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import { diskInBank } from './disk-in-bank.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

const MIB = 1024 ** 2;
const WITH_VOLUMES = { include_volumes: true };

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
    await run('backup', { servers: ['nobody'] });
    await run('backup', { servers: ['nobody'] });

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
