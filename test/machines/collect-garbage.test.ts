import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pruneCheckpoint } from '../../lib/bank/register/prune-checkpoint.ts';
import { StoreUnavailable } from '../../lib/bank/store/errors.ts';
import { openPin, releasePin } from '../../lib/bank/register/reader-pin.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const CHUNK = 256 * 1024;
/** In a segment of its own, so that its packs hold nothing else. */
const DATA_OFFSET = 8 * MIB;

describe('the machine that collects garbage', () => {
  let world: World;
  let serverId: string;
  const kept = randomBytes(2 * MIB);
  const checkpoints: string[] = [];

  beforeEach(async () => {
    world = await startWorld();
    serverId = await world.addServer('web', randomBytes(MIB));
    await world.cloud.writeGuest(serverId, DATA_OFFSET, randomBytes(2 * MIB));
    checkpoints.length = 0;
    checkpoints.push((await world.backUp()).get(serverId) ?? '');
    await world.cloud.writeGuest(serverId, DATA_OFFSET, kept);
    checkpoints.push((await world.backUp()).get(serverId) ?? '');
  });
  afterEach(async () => {
    await world.close();
  });

  const bankBytes = async () => {
    let total = 0;
    for await (const { sizeBytes } of world.places.bank.list('packs/')) total += sizeBytes;
    return total;
  };
  const prune = async (checkpoint = '') => {
    await pruneCheckpoint(await world.services.register(), checkpoint);
  };

  it('deletes nothing that a checkpoint needs', async () => {
    const before = await bankBytes();

    const outcome = await world.run('collect-garbage', {});

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { deleted: { objects: 0 } } });
    expect(await bankBytes()).toBe(before);
  });

  it('deletes what only a pruned checkpoint held, once it can no longer be brought back', async () => {
    await prune(checkpoints[0]);
    await world.run('collect-garbage', {});
    const before = await bankBytes();
    await world.clock.advance(8 * 24 * 3600 * 1000);

    const outcome = await world.run('collect-garbage', {});

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { buriedCheckpoints: 1 } });
    expect(await bankBytes()).toBeLessThan(before - MIB);
    const restored = await world.run('restore', {
      checkpoint: checkpoints[1] ?? '',
      name: 'again',
      check: true,
    });
    expect(restored.output).toMatchObject({ identical: true });
    expect(world.published.map(({ DetailType }) => DetailType)).toContain('Collection Completed');
  });

  it('says that the store does not answer, and not that a Map failed', async () => {
    await prune(checkpoints[0]);
    await world.clock.advance(8 * 24 * 3600 * 1000);
    const { places } = world;
    const silence = new StoreUnavailable('The bucket does not answer.');
    const bank = { ...places.bank, delete: () => Promise.reject(silence) };

    const outcome = await world.run(
      'collect-garbage',
      {},
      { services: world.servicesThrough({ ...places, bank }) },
    );

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'StoreUnavailable' });
    expect(outcome.cause).toContain(silence.message);
    expect(world.published.at(-1)).toMatchObject({
      DetailType: 'Collection Failed',
      Detail: { data: { error: 'StoreUnavailable' } },
    });
    // Nothing is lost, and the next one can.
    const again = await world.run('collect-garbage', {});
    expect(again).toMatchObject({ status: 'SUCCEEDED', output: { buriedCheckpoints: 1 } });
  });

  it('says that a checkpoint is gone and that a reader still holds its data, which the next one deletes', async () => {
    await prune(checkpoints[0]);
    const register = await world.services.register();
    const held = { checkpoint: checkpoints[0] ?? '', execution: { id: 'mount' } };
    const pin = await openPin(register, { ...held, leaseSeconds: 30 * 24 * 3600 });
    await world.clock.advance(8 * 24 * 3600 * 1000);
    const before = await bankBytes();

    const outcome = await world.run('collect-garbage', {});

    expect(outcome.output).toMatchObject({ buriedCheckpoints: 1, heldCheckpoints: 1 });
    expect(await bankBytes()).toBe(before);
    await releasePin(register, pin.id);
    expect((await world.run('collect-garbage', {})).output).toMatchObject({ heldCheckpoints: 0 });
    expect(await bankBytes()).toBeLessThan(before - MIB);
  });

  it('says in a dry run what it would delete, and deletes nothing', async () => {
    await prune(checkpoints[0]);
    await world.clock.advance(8 * 24 * 3600 * 1000);
    const before = await bankBytes();

    const outcome = await world.run('collect-garbage', { dry_run: true });

    expect(outcome.output).toMatchObject({ dryRun: true, deleted: { objects: 0 } });
    expect((outcome.output as { dead: { bytes: number } }).dead.bytes).toBeGreaterThan(MIB);
    expect(await bankBytes()).toBe(before);
  });

  it('rewrites packs of which little is needed, and loses nothing', async () => {
    const { cloud } = world;
    // One chunk of the pack stays, and what came before it goes.
    await cloud.writeGuest(serverId, DATA_OFFSET, randomBytes(2 * MIB - CHUNK));
    checkpoints.push((await world.backUp()).get(serverId) ?? '');
    for (const checkpoint of checkpoints.slice(0, 2)) await prune(checkpoint);
    await world.clock.advance(8 * 24 * 3600 * 1000);
    await world.run('collect-garbage', { compact: false });
    const before = await bankBytes();

    const outcome = await world.run('collect-garbage', {});
    const after = await world.run('collect-garbage', {});

    expect(outcome).toMatchObject({
      status: 'SUCCEEDED',
      output: { notCompacted: null, compaction: { failed: 0, skipped: 0, checkpoints: 1 } },
    });
    const { packBytes, wasteBytes } = after.output as { packBytes: number; wasteBytes: number };
    expect(wasteBytes).toBeLessThan(packBytes / 10);
    expect(await bankBytes()).toBeLessThan(before - MIB);
    const verified = await world.run('verify', { all: true, level: 'data' });
    expect(verified.output).toMatchObject({ checkpoints: 1, sound: 1 });
    const restored = await world.run('restore', {
      checkpoint: checkpoints[2] ?? '',
      check: true,
      name: 'again',
    });
    expect(restored.output).toMatchObject({ identical: true });
  });

  it('removes what a failed backup wrote, and lets the next one be', async () => {
    const { cloud } = world;
    await cloud.writeGuest(serverId, DATA_OFFSET, randomBytes(4 * MIB));
    cloud.faults.add(
      { service: 'image', method: 'GET', path: /\/file$/ },
      { kind: 'status', status: 404 },
      { skip: 2, times: 100 },
    );
    expect((await world.run('backup', {})).status).toBe('FAILED');
    cloud.faults.clear();

    await world.run('collect-garbage', {});
    const checkpoint = (await world.backUp()).get(serverId) ?? '';

    const restored = await world.run('restore', { checkpoint, image_only: true, check: true });
    expect(restored.output).toMatchObject({ identical: true });
  });
});
