import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startMaintenance } from '../../functions/start-maintenance.ts';
import type { Plan } from '../../lib/events/plan.ts';
import { PruneRequest } from '../../lib/prune/request.ts';
import { VerifyRequest } from '../../lib/verify/request.ts';
import { startWorld, type World } from '../machines/world.ts';

const sfn = mockClient(SFNClient);
const call = { signal: new AbortController().signal, remainingMilliseconds: () => 60_000 };
const scheduledTime = '2026-01-31T02:00:00Z';

describe('the maintenance of a plan', () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
    process.env['SNAPBANK_MACHINES'] = JSON.stringify({
      verify: 'arn:verify',
      prune: 'arn:prune',
      'collect-garbage': 'arn:collect',
    });
    sfn.reset();
    sfn.on(StartExecutionCommand).resolves({ executionArn: 'arn:started' });
  });
  afterEach(async () => {
    delete process.env['SNAPBANK_MACHINES'];
    await world.close();
  });

  const start = async (plan: Plan, label: string, task: unknown) => {
    const input = startMaintenance.input.parse({ plan, label, task, scheduledTime });
    await startMaintenance.run(world.services, input, call);
    const [{ args } = { args: [undefined] }] = sfn.commandCalls(StartExecutionCommand);
    const { stateMachineArn, name, input: given = '' } = args[0]?.input ?? {};
    return { stateMachineArn, name, input: JSON.parse(given) as unknown };
  };

  it('proves what was made under it', async () => {
    const task = { machine: 'verify', level: 'data', samplePercent: 10 };
    const started = await start({ name: 'nightly', tags: ['gold'] }, 'verify-2', task);

    expect(started).toEqual({
      stateMachineArn: 'arn:verify',
      name: 'nightly-verify-2-2026-01-31T02-00-00Z',
      input: { plan: 'nightly', level: 'data', sample_percent: 10 },
    });
    expect(VerifyRequest.parse(started.input)).toEqual(started.input);
  });

  it('prunes by its rules, in its time zone', async () => {
    const task = { machine: 'prune', keep: { daily: 7 }, timeZone: 'Europe/Berlin' };
    const started = await start({ name: 'nightly', servers: ['web-1'] }, 'prune', task);

    expect(started).toEqual({
      stateMachineArn: 'arn:prune',
      name: 'nightly-prune-2026-01-31T02-00-00Z',
      input: { plan: 'nightly', keep: { daily: 7 }, time_zone: 'Europe/Berlin' },
    });
    expect(PruneRequest.parse(started.input)).toEqual(started.input);
  });

  it('collects, and asks the cloud for nothing, as with all that it starts', async () => {
    const started = await start({ name: 'nightly', tags: ['gold'] }, 'collect', {
      machine: 'collect-garbage',
    });

    expect(started).toMatchObject({ stateMachineArn: 'arn:collect', input: {} });
    expect(world.cloud.requests.matching('GET', /./)).toEqual([]);
  });

  it('refuses a task that is none', () => {
    const wrong = { plan: { name: 'a' }, label: 'x', task: { machine: 'restore' }, scheduledTime };

    expect(startMaintenance.input.safeParse(wrong).success).toBe(false);
  });
});
