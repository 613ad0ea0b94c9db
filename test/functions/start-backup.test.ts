import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { startBackup } from '../../functions/start-backup.ts';

const MACHINE = 'arn:aws:states:eu-central-1:123456789012:stateMachine:snapbank-backup';
const sfn = mockClient(SFNClient);
const starter = {
  client: new SFNClient({}),
  stateMachineArn: MACHINE,
  plans: [{ name: 'nightly', tags: ['gold'], enableServerSnapshot: true }],
  notifications: ['compute.instance.create.end', 'instance.create.end', 'instance.snapshot.end'],
};

function event(detailType: string, detail: unknown) {
  return { id: 'c0ffee00-1111-2222-3333-444455556666', 'detail-type': detailType, detail };
}

function started(): { name: string | undefined; input: unknown }[] {
  return sfn.commandCalls(StartExecutionCommand).map(({ args: [command] }) => {
    expect(command.input.stateMachineArn).toBe(MACHINE);
    return { name: command.input.name, input: JSON.parse(command.input.input ?? '') };
  });
}

describe('the function that starts backups', () => {
  beforeEach(() => {
    sfn.reset();
    sfn.on(StartExecutionCommand).resolves({ executionArn: 'arn:started' });
  });

  it('starts what Backup Requested asks for, under a name made of the event', async () => {
    const detail = { servers: ['web-1'], enable_server_snapshot: false };

    const answer = await startBackup(starter, event('Backup Requested', detail));

    expect(answer).toEqual({ execution: 'arn:started', started: true });
    expect(started()).toEqual([
      { name: 'event-c0ffee00-1111-2222-3333-444455556666', input: detail },
    ]);
  });

  it('starts a plan by its name, and lets the event decide about snapshots', async () => {
    const detail = { plan: 'nightly', enable_server_snapshot: false };

    await startBackup(starter, event('Backup Requested', detail));

    expect(started()[0]?.input).toEqual({
      plan: 'nightly',
      tags: ['gold'],
      enable_server_snapshot: false,
    });
  });

  it('gives a scheduled execution the name of its plan and its time', async () => {
    await startBackup(starter, { plan: 'nightly', scheduledTime: '2026-01-31T02:00:00Z' });

    expect(started()).toEqual([
      {
        name: 'nightly-2026-01-31T02-00-00Z',
        input: { plan: 'nightly', tags: ['gold'], enable_server_snapshot: true },
      },
    ]);
  });

  it('takes an event that comes a second time for started', async () => {
    sfn
      .on(StartExecutionCommand)
      .rejects(new ExecutionAlreadyExists({ message: 'exists', $metadata: {} }));

    const answer = await startBackup(starter, event('Backup Requested', {}));

    expect(answer).toEqual({
      execution: `arn:aws:states:eu-central-1:123456789012:execution:snapbank-backup:event-c0ffee00-1111-2222-3333-444455556666`,
      started: false,
    });
  });

  it('lets any other error of Step Functions out, so that the event is tried again', async () => {
    sfn.on(StartExecutionCommand).rejects(new Error('throttled'));

    await expect(startBackup(starter, event('Backup Requested', {}))).rejects.toThrow('throttled');
  });

  it.each([
    ['old', { event_type: 'compute.instance.create.end', payload: { instance_id: 'server-1' } }],
    [
      'versioned',
      {
        event_type: 'instance.create.end',
        payload: { 'nova_object.data': { uuid: 'server-1' } },
      },
    ],
  ])('starts a backup of the server of a notification in its %s form', async (_form, detail) => {
    await startBackup(starter, event('OpenStack Notification', detail));

    expect(started()[0]?.input).toEqual({ servers: ['server-1'] });
  });

  it.each([
    ['our own snapshot', 'instance.snapshot.end'],
    ['one that was not asked for', 'compute.instance.reboot.end'],
  ])('starts nothing for a notification of %s', async (_what, eventType) => {
    const detail = { event_type: eventType, payload: { instance_id: 'server-1' } };

    const answer = await startBackup(starter, event('OpenStack Notification', detail));

    expect(answer).toEqual({ execution: null, started: false });
    expect(started()).toEqual([]);
  });

  it.each([
    ['an unknown plan', event('Backup Requested', { plan: 'weekly' }), /"weekly".*nightly/],
    ['a wrong detail', event('Backup Requested', { server: 'web-1' }), /"servers": \["web-1"\]/],
    [
      'a plan beside a selection',
      event('Backup Requested', { servers: ['a'], plan: 'nightly' }),
      /"plan": "nightly"/,
    ],
    ['two selections', event('Backup Requested', { servers: ['a'], all: true }), /one of servers/],
    ['something else', { hello: 'world' }, /"detail-type": "Backup Requested"/],
  ])('refuses %s and shows a right one', async (_what, wrong, message) => {
    await expect(startBackup(starter, wrong)).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringMatching(message),
    });
    expect(started()).toEqual([]);
  });
});
