import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { watchExecution } from '../../../cli/aws/watch-execution.ts';
import type { StepFunctions } from '../../../cli/aws/step-functions.ts';
import type { ExecutionDisplay } from '../../../cli/execution-display.ts';
import { silentLog } from '../../../lib/log.ts';
import type { ProgressEvent } from '../../../lib/services.ts';
import type { HistoryEvent } from '../../../local/engine/history.ts';
import { VirtualClock } from '../../virtual-clock.ts';

const ARN = 'arn:aws:states:eu-central-1:123456789012:execution:snapbank-backup:nightly-1';
const MAP_RUN = 'arn:aws:states:eu-central-1:123456789012:mapRun:snapbank-backup/ProtectServers:1';
const GIB = 1024 ** 3;

const api = mockClient(SFNClient);
let clock: VirtualClock;
let sfn: StepFunctions;
let followed: HistoryEvent[];
let advanced: ProgressEvent[];
let display: ExecutionDisplay;

beforeEach(() => {
  api.reset();
  clock = new VirtualClock();
  sfn = {
    client: new SFNClient({ region: 'eu-central-1' }),
    clock,
    log: silentLog,
    signal: new AbortController().signal,
    patience: { attempts: 1, firstWaitMs: 0, longestWaitMs: 0, deadlineMs: 0 },
  };
  followed = [];
  advanced = [];
  display = {
    follow: (event) => followed.push(event),
    advance: (event) => advanced.push(event),
    close() {},
  };
});

interface Event {
  type: string;
  [details: string]: unknown;
}

/** Histories by ARN, served in pages as AWS does; ids count from 1. */
function serveHistories(histories: Map<string, Event[]>): void {
  api.on(GetExecutionHistoryCommand).callsFake((input: Record<string, unknown>) => {
    const { executionArn, maxResults, reverseOrder, nextToken } = input;
    const events = (histories.get(String(executionArn)) ?? []).map((event, index) => ({
      ...event,
      id: index + 1,
      timestamp: new Date(index),
    }));
    if (reverseOrder === true) events.reverse();
    const start = Number(nextToken ?? 0);
    const end = start + Number(maxResults);
    return {
      events: events.slice(start, end),
      ...(end < events.length ? { nextToken: String(end) } : {}),
    };
  });
}

/** It is seen to run so many times, then it has ended. */
function endsAfter(looks: number): void {
  let left = looks;
  api.on(DescribeExecutionCommand, { executionArn: ARN }).callsFake(() => {
    const head = { input: '{}', startDate: new Date(0) };
    if (left-- > 0) return { ...head, status: 'RUNNING' };
    return { ...head, status: 'SUCCEEDED', output: '{"done":true}', stopDate: new Date(5000) };
  });
}

function entered(name: string, input: unknown = {}): Event {
  const stateEnteredEventDetails = { name, input: JSON.stringify(input) };
  return { type: 'TaskStateEntered', stateEnteredEventDetails };
}

function succeeded(Payload: unknown): Event {
  const output = JSON.stringify({ ExecutedVersion: '$LATEST', Payload });
  const taskSucceededEventDetails = { resourceType: 'lambda', resource: 'invoke', output };
  return { type: 'TaskSucceeded', taskSucceededEventDetails };
}

function mapRunStarted(mapRunArn: string): Event {
  return { type: 'MapRunStarted', mapRunStartedEventDetails: { mapRunArn } };
}

const ended: Event = {
  type: 'ExecutionSucceeded',
  executionSucceededEventDetails: { output: '{}' },
};

describe('the watching of an execution in AWS', () => {
  it('reads a history of 25,000 events once, and after that only what is new', async () => {
    const polls = Array.from({ length: 24_000 }, () => entered('PollImage'));
    const events = [...polls];
    const histories = new Map([[ARN, events]]);
    serveHistories(histories);
    endsAfter(3);
    const seen = display.follow.bind(display);
    display.follow = (event) => {
      seen(event);
      // Two more while the first look is under way, which the next one finds.
      if (followed.length === 24_000)
        events.push(entered('PlanUpload'), entered('CommitCheckpoint'));
    };

    const { outcome, elapsedMilliseconds } = await watchExecution(sfn, ARN, display);

    expect(outcome).toEqual({ status: 'SUCCEEDED', output: { done: true } });
    expect(elapsedMilliseconds).toBe(5000);
    expect(followed.map(({ id }) => id)).toEqual(
      Array.from({ length: 24_002 }, (_, index) => index + 1),
    );
    // 24 pages for the first look, one for each of the others.
    expect(api.commandCalls(GetExecutionHistoryCommand)).toHaveLength(24 + 3);
  });

  it('counts the bytes of a server by the items that its Map has done', async () => {
    const child = `${ARN.replace('backup:nightly-1', 'backup/ProtectServers')}:child-1`;
    const uploads = MAP_RUN.replace('ProtectServers', 'UploadSegments');
    const input = JSON.stringify({ item: { id: 'server-1', name: 'web-1' } });
    serveHistories(
      new Map([
        [ARN, [mapRunStarted(MAP_RUN)]],
        [
          child,
          [
            { type: 'ExecutionStarted', executionStartedEventDetails: { input } },
            entered('PlanUpload'),
            succeeded({ guestSizeBytes: 10 * GIB }),
            entered('UploadSegments'),
            mapRunStarted(uploads),
          ],
        ],
      ]),
    );
    api.on(ListExecutionsCommand).resolves({
      executions: [{ executionArn: child, status: 'RUNNING' }] as never,
    });
    let done = 0;
    api.on(DescribeMapRunCommand).callsFake(({ mapRunArn }: { mapRunArn: string }) => {
      expect(mapRunArn).toBe(uploads);
      done += 4;
      return { itemCounts: { succeeded: Math.min(done, 10), total: 10 } };
    });
    endsAfter(4);

    await watchExecution(sfn, ARN, display);

    const event = { subject: 'server-1', phase: 'upload', totalBytes: 10 * GIB };
    expect(advanced).toEqual([
      { ...event, advancedBytes: 4 * GIB },
      { ...event, advancedBytes: 4 * GIB },
      { ...event, advancedBytes: 2 * GIB },
    ]);
    // All is done: it is not asked any more.
    expect(api.commandCalls(DescribeMapRunCommand)).toHaveLength(3);
    expect(followed.filter(({ path }) => path?.[0] === 'ProtectServers[child-1]')).toHaveLength(5);
  });

  it('looks at few of ten thousand servers at a time, first at those that are at work', async () => {
    const children = Array.from({ length: 10_000 }, (_, index) => ({
      executionArn: `${ARN.replace('backup:nightly-1', 'backup/ProtectServers')}:${String(index)}`,
      // The newest first, as AWS lists them: 30 run.
      status: index < 30 ? 'RUNNING' : 'SUCCEEDED',
    }));
    const histories = new Map<string, Event[]>([[ARN, [mapRunStarted(MAP_RUN)]]]);
    for (const { executionArn, status } of children) {
      histories.set(executionArn, [
        entered('PlanUpload'),
        ...(status === 'RUNNING' ? [] : [ended]),
      ]);
    }
    serveHistories(histories);
    api.on(ListExecutionsCommand).callsFake((input: { nextToken?: string }) => {
      const start = Number(input.nextToken ?? 0);
      const next = start + 1000 < children.length ? { nextToken: String(start + 1000) } : {};
      return { executions: children.slice(start, start + 1000), ...next };
    });
    const looks = 50;
    endsAfter(looks);

    await watchExecution(sfn, ARN, display);

    const calls = api.commandCalls(GetExecutionHistoryCommand).map(({ args }) => args[0].input);
    const asked = calls.map(({ executionArn }) => executionArn).filter((arn) => arn !== ARN);
    expect(asked.length).toBeLessThanOrEqual((looks + 1) * 40);
    const running = children.slice(0, 30).map(({ executionArn }) => executionArn);
    expect(new Set(asked.slice(0, 30))).toEqual(new Set(running));
    // None that is over is looked at twice, and the rest of each look is theirs.
    const over = asked.filter((arn) => !running.includes(arn ?? ''));
    expect(new Set(over).size).toBe(over.length);
    expect(over.length).toBe((looks + 1) * 10);
    // Ten pages at first, then one that holds nothing new.
    expect(api.commandCalls(ListExecutionsCommand)).toHaveLength(10 + looks);
    // Ten calls a second at most.
    expect(clock.elapsedMilliseconds / 1000).toBeGreaterThanOrEqual(asked.length / 10 - 4);
  });

  it('goes on when there is no answer for ten minutes', async () => {
    serveHistories(new Map([[ARN, [ended]]]));
    const down = clock.startMilliseconds + 10 * 60_000;
    api.on(DescribeExecutionCommand).callsFake(() => {
      if (clock.now() < down) throw Object.assign(new Error('gone'), { code: 'ENOTFOUND' });
      const dates = { startDate: new Date(0), stopDate: new Date(1) };
      return { status: 'FAILED', error: 'BackupIncomplete', cause: '{}', ...dates };
    });

    const { outcome } = await watchExecution(sfn, ARN, display);

    expect(outcome).toEqual({ status: 'FAILED', error: 'BackupIncomplete', cause: '{}' });
  });

  it('gives up when there is no answer for longer', async () => {
    api
      .on(DescribeExecutionCommand)
      .rejects(Object.assign(new Error('gone'), { code: 'ENOTFOUND' }));

    await expect(watchExecution(sfn, ARN, display)).rejects.toMatchObject({
      name: 'StepFunctionsUnavailable',
    });
    expect(clock.elapsedMilliseconds).toBeGreaterThan(14 * 60_000);
    expect(clock.elapsedMilliseconds).toBeLessThan(16 * 60_000);
  });
});
