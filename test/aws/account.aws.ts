import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testAccount } from './account.ts';
import { type Deployment, deploy, makeBank } from './deployment.ts';
import { recordVisits } from './record-visits.ts';
import type { StateVisit } from './state-visits.ts';
import { differencesOf } from './test-state.ts';

const account = testAccount(process.env);
const client = new SFNClient({ region: account.region });
const POLL_MILLISECONDS = 10_000;

describe('Step Functions', () => {
  let visits: StateVisit[];
  beforeAll(async () => {
    visits = await recordVisits();
  });

  it('does in each state what the embedded engine does', async () => {
    const differences: string[] = [];
    for (const visit of visits) differences.push(...(await differencesOf(client, visit)));

    expect([...new Set(differences)]).toEqual([]);
  });
});

describe('a deployed stack', () => {
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = await deploy(account);
  });
  afterAll(async () => {
    await deployment.destroy();
  });

  it('says of a bank that is not there that it is not', async () => {
    expect(await statusOf({})).toMatchObject({ status: 'FAILED', error: 'BankNotFound' });
  });

  it('refuses a wrong input in its first state', async () => {
    const outcome = await statusOf({ server: 'web-1' });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'InvalidInput' });
  });

  it('backs up the servers of the cloud, and counts them', async () => {
    await makeBank(deployment, account);

    const backup = await statusOf({});
    expect(backup.error).toBeUndefined();
    expect(backup.status).toBe('SUCCEEDED');
    expect(JSON.parse(backup.output ?? '')).toMatchObject({ failed: 0 });
    expect(JSON.parse(backup.output ?? '').succeeded).toBeGreaterThan(0);
  });

  const statusOf = async (input: unknown) => {
    const { executionArn } = await client.send(
      new StartExecutionCommand({
        stateMachineArn: deployment.outputs['BackupMachineArn'],
        input: JSON.stringify(input),
      }),
    );
    for (;;) {
      const outcome = await client.send(new DescribeExecutionCommand({ executionArn }));
      if (outcome.status !== 'RUNNING') return outcome;
      await setTimeout(POLL_MILLISECONDS);
    }
  };
});
