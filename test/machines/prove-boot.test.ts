import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCheckpoint } from '../../lib/bank/register/find-checkpoint.ts';
import { pruneCheckpoint } from '../../lib/bank/register/prune-checkpoint.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;

describe('a restore that proves that a checkpoint boots', () => {
  let world: World;
  let serverId: string;
  let checkpoint: string;

  beforeEach(async () => {
    world = await startWorld();
    const networkId = world.cloud.addNetwork({ name: 'office' });
    world.cloud.addSubnet({ networkId, cidr: '10.1.0.0/24' });
    serverId = await world.addServer('web-1', randomBytes(2 * MIB), {
      networks: [{ networkId, fixedIp: '10.1.0.7' }],
    });
    checkpoint = (await world.backUp()).get(serverId) ?? '';
  });
  afterEach(async () => {
    await world.close();
  });

  const prove = (request: JsonObject) =>
    world.run('restore', { checkpoint, check: true, ...request });
  const proofOf = async () => {
    const record = await findCheckpoint(await world.services.register(), checkpoint, {
      callNames: async () => [],
    });
    return 'lastProven' in record ? record.lastProven : undefined;
  };

  it('boots it under a throw-away name, removes everything again, and notes it', async () => {
    const before = world.cloud.inventory();

    const outcome = await prove({ prove_boot: {} });

    expect(outcome).toMatchObject({
      status: 'SUCCEEDED',
      output: { checkpoint, booted: true, identical: true, warnings: [] },
    });
    const { servers, images } = world.cloud.inventory();
    expect(servers).toEqual(before.servers);
    expect(images.map(({ id }) => id)).toEqual(before.images.map(({ id }) => id));
    expect(await world.leftovers()).toEqual([]);
    expect((await proofOf())?.how).toBe('booted, every chunk read');
    expect(world.cloud.requests.matching('POST', /\/servers$/)).toHaveLength(1);
  });

  it('waits for a text on the console', async () => {
    const outcome = await prove({ prove_boot: { console: 'demo guest of server' } });

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { booted: true } });
    expect((await proofOf())?.how).toContain('console');
  });

  it('ends with BootNotProven when the console does not show it in time, and removes everything', async () => {
    const outcome = await prove({ prove_boot: { console: 'login:', wait_seconds: 90 } });

    expect(outcome).toMatchObject({
      status: 'FAILED',
      error: 'BootNotProven',
      cause: expect.stringMatching(/for 90 s.*does not show .*login:/),
    });
    expect(world.cloud.inventory().servers).toHaveLength(1);
    expect(await world.leftovers()).toEqual([]);
    expect(await proofOf()).toBeUndefined();
  });

  it('attaches the twin to no network unless it is told to', async () => {
    const alone = await prove({ plan_only: true, prove_boot: {} });
    const connected = { networks: ['office'], name: 'proof' };
    const told = await prove({ plan_only: true, prove_boot: {}, ...connected });

    const name = `snapbank-proof-${checkpoint.slice(0, 8)}`;
    expect(alone.output).toMatchObject({ server: { name, networks: [] } });
    const networks = [{ networkName: 'office', fixedIp: null }];
    expect(told.output).toMatchObject({ server: { name: 'proof', networks } });
  });

  it('proves a checkpoint that is on its way out too, and says that it noted nothing', async () => {
    await pruneCheckpoint(await world.services.register(), checkpoint);

    expect(await prove({ prove_boot: {} })).toMatchObject({
      status: 'SUCCEEDED',
      output: { booted: true, warnings: [expect.stringContaining('noted')] },
    });
  });

  it('does not go with a restore of the image alone', async () => {
    expect(await prove({ prove_boot: {}, image_only: true })).toMatchObject({
      status: 'FAILED',
      error: 'InvalidInput',
      cause: expect.stringContaining('image_only'),
    });
    expect(world.cloud.requests.matching('POST', /\/servers$/)).toEqual([]);
  });
});
