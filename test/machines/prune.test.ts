import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  noteProof,
  pruneCheckpoint,
  undeleteCheckpoint,
} from '../../lib/bank/register/prune-checkpoint.ts';
import { readRecord } from '../../lib/bank/register/records.ts';
import { readDecisions, type PrunePlan } from '../../lib/prune/plan.ts';
import type { Json } from '../../local/engine/json.ts';
import { keysOf } from '../lib/bank/tamper.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 ** 2;
const DAY = 24 * 3600 * 1000;

describe('the prune machine', () => {
  let world: World;
  let serverId: string;

  beforeEach(async () => {
    world = await startWorld();
    serverId = await world.addServer('web', randomBytes(MIB));
  });
  afterEach(async () => {
    await world.close();
  });

  /** One checkpoint a day, oldest first. */
  const backUpDaily = async (count: number) => {
    const made: string[] = [];
    for (let day = 0; day < count; day += 1) {
      if (day > 0) await world.clock.advance(DAY);
      made.push((await world.backUp({ servers: ['web'] })).get(serverId) ?? '');
    }
    return made;
  };
  /** A day later, under the plan. */
  const byPlan = async (plan: string | undefined) => {
    await world.clock.advance(DAY);
    const input = { servers: ['web'], ...(plan === undefined ? {} : { plan }) };
    return (await world.backUp(input)).get(serverId) ?? '';
  };
  const stateOf = async (checkpoint: string) => {
    const head = await readRecord(await world.services.register(), checkpoint);
    return head.kind === 'live' ? head.value.state : head.kind;
  };
  const statesOf = async (checkpoints: readonly string[]) =>
    await Promise.all(checkpoints.map(stateOf));
  const prune = async (input: Json) => await world.run('prune', input);

  it('takes out what no rule keeps, and deletes nothing', async () => {
    const made = await backUpDaily(4);
    const before = await keysOf(world.places.bank, '');

    const outcome = await prune({ keep: { last: 2 } });

    expect(outcome).toMatchObject({ status: 'SUCCEEDED', output: { pruned: 2, kept: 2 } });
    expect(await statesOf(made)).toEqual(['DELETING', 'DELETING', 'COMMITTED', 'COMMITTED']);
    expect(await keysOf(world.places.bank, '')).toEqual(before);
    expect(world.published.at(-1)).toMatchObject({ DetailType: 'Prune Completed' });
    const again = await prune({ keep: { last: 2 } });
    expect(again).toMatchObject({ status: 'SUCCEEDED', output: { pruned: 0, kept: 2 } });
  });

  it('says with dry_run what would go and why, and changes nothing', async () => {
    const made = await backUpDaily(3);

    const outcome = await prune({ keep: { daily: 1 }, dry_run: true });

    const plan = outcome.output as unknown as PrunePlan;
    const [decided] = await readDecisions(world.places.work, plan);
    expect(decided).toMatchObject({ serverName: 'web' });
    expect(decided?.decisions.map(({ keep, reasons }) => [keep, reasons[0]])).toEqual([
      [true, 'daily'],
      [false, 'no rule keeps it'],
      [false, 'no rule keeps it'],
    ]);
    expect(await statesOf(made)).toEqual(['COMMITTED', 'COMMITTED', 'COMMITTED']);
  });

  it('looks at each server by itself', async () => {
    const made = await backUpDaily(2);
    const db = await world.addServer('db', randomBytes(MIB));
    const dbOnly = (await world.backUp({ servers: ['db'] })).get(db) ?? '';

    expect((await prune({ keep: { last: 1 }, servers: ['db'] })).output).toMatchObject({
      servers: 1,
      pruned: 0,
    });
    await prune({ keep: { last: 1 } });

    expect(await statesOf([...made, dbOnly])).toEqual(['DELETING', 'COMMITTED', 'COMMITTED']);
  });

  it('lets the rules of one plan displace nothing that another made, or none', async () => {
    const hourly = [await byPlan('hourly'), await byPlan('hourly')];
    const monthly = [await byPlan('monthly'), await byPlan('monthly'), await byPlan('monthly')];
    const byHand = [await byPlan(undefined), await byPlan(undefined)];

    const ofPlan = await prune({ plan: 'monthly', keep: { last: 2 } });
    expect(ofPlan.output).toMatchObject({ servers: 1, pruned: 1, kept: 2 });
    expect(await statesOf(monthly)).toEqual(['DELETING', 'COMMITTED', 'COMMITTED']);
    expect(await statesOf([...hourly, ...byHand])).toEqual(Array(4).fill('COMMITTED'));

    const ofAll = await prune({ keep: { last: 1 } });
    expect(ofAll.output).toMatchObject({ servers: 1, pruned: 3, kept: 3 });
    for (const group of [hourly, monthly.slice(1), byHand]) {
      expect(await statesOf(group)).toEqual(['DELETING', 'COMMITTED']);
    }
    expect(await prune({ plan: 'monthyl', keep: { last: 1 } })).toMatchObject({
      error: 'CheckpointNotFound',
      cause: expect.stringMatching(/plan monthyl.*Near: monthly/),
    });
  });

  it('lets the last verified one stay', async () => {
    const made = await backUpDaily(3);
    await noteProof(await world.services.register(), made[0] ?? '', { how: 'test' });

    await prune({ keep: { last: 1 } });

    expect(await statesOf(made)).toEqual(['COMMITTED', 'DELETING', 'COMMITTED']);
  });

  it('lets the last good one stay when the newest is damaged', async () => {
    const made = await backUpDaily(2);
    await world.cloud.writeGuest(serverId, 8 * MIB, randomBytes(MIB));
    await world.clock.advance(DAY);
    const newest = (await world.backUp({ servers: ['web'] })).get(serverId) ?? '';
    await world.places.bank.delete(await keysOf(world.places.bank, `packs/${newest}/`));
    await world.run('verify', { level: 'packs' });

    await prune({ keep: { last: 1 } });

    expect(await statesOf([...made, newest])).toEqual(['DELETING', 'COMMITTED', 'COMMITTED']);
  });

  it('looks again before it takes out: a newer one may have gone meanwhile', async () => {
    const made = await backUpDaily(3);
    const register = await world.services.register();
    const [, middle = '', newest = ''] = made;

    const outcome = await world.run(
      'prune',
      { keep: { last: 1 } },
      {
        onEvent: (event) => {
          if (event.type !== 'TaskStateExited') return;
          if (event.stateExitedEventDetails.name !== 'PlanPrune') return;
          void pruneCheckpoint(register, newest);
        },
      },
    );

    expect(outcome.output).toMatchObject({ pruned: 1, spared: 1 });
    expect(await stateOf(middle)).toBe('COMMITTED');
    await undeleteCheckpoint(register, newest);
  });

  it('refuses to prune without a rule, by an unknown time zone, or of a server without checkpoints', async () => {
    await backUpDaily(1);
    for (const input of [{}, { keep: {} }, { keep: { last: 1 }, time_zone: 'Mars/Olympus' }]) {
      expect(await prune(input)).toMatchObject({ status: 'FAILED', error: 'InvalidInput' });
    }
    expect(await prune({ keep: { last: 1 }, servers: ['nobody'] })).toMatchObject({
      error: 'CheckpointNotFound',
    });
  });
});
