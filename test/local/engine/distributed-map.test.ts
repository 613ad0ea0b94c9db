import { describe, expect, it } from 'vitest';
import type { LocalFunction } from '../../../local/engine/execution-options.ts';
import type { Json, JsonObject } from '../../../local/engine/json.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { call, distributed, execute, machine, namedError, typesOf } from './harness.ts';
import { memoryStore } from './memory-store.ts';

const MAP_RUN = '00000000-0000-4000-8000-000000000001';

/** Fails for payloads that are negative, or that hold such. */
const f = async (payload: Json) => {
  await Promise.resolve();
  const values = Array.isArray(payload) ? payload : [payload];
  if (values.some((value) => Number(value) < 0)) throw namedError('Negative', 'below zero');
  return payload;
};

function over(fields: Record<string, unknown>, states: Record<string, unknown> = { T: call('f') }) {
  return machine({ M: { Type: 'Map', ItemProcessor: distributed(states), End: true, ...fields } });
}

describe('Map DISTRIBUTED', () => {
  it('runs each item as an execution with a history of its own', async () => {
    const text = over(
      {},
      { T: { Type: 'Pass', Output: '{% $states.context.Execution %}', End: true } },
    );

    const { outcome, events } = await execute(text, { input: [7] });

    expect(outcome.output).toEqual([
      {
        Id: 'local:machine:test.M-0',
        Name: 'test.M-0',
        Input: 7,
        StartTime: '2026-01-01T00:00:00.000Z',
      },
    ]);
    expect(
      events.map(({ id, previousEventId }, index) => [typesOf(events)[index], id, previousEventId]),
    ).toEqual([
      ['ExecutionStarted', 1, 0],
      ['MapStateEntered', 2, 0],
      ['MapStateStarted', 3, 2],
      ['MapRunStarted', 4, 3],
      ['M[0] ExecutionStarted', 1, 0],
      ['M[0] PassStateEntered', 2, 0],
      ['M[0] PassStateExited', 3, 2],
      ['M[0] ExecutionSucceeded', 4, 3],
      ['MapRunSucceeded', 5, 4],
      ['MapStateSucceeded', 6, 5],
      ['MapStateExited', 7, 6],
      ['ExecutionSucceeded', 8, 7],
    ]);
  });

  it('hides the variables and the item around it from its executions', async () => {
    const text = machine({
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'M' },
      M: {
        Type: 'Map',
        Items: [1],
        ItemSelector: { x: '{% $x %}', item: '{% $states.context.Map.Item.Value %}' },
        ItemProcessor: distributed({
          T: {
            Type: 'Pass',
            Output: [
              '{% $states.input %}',
              '{% $exists($x) %}',
              '{% $exists($states.context.Map) %}',
            ],
            End: true,
          },
        }),
        End: true,
      },
    });

    expect((await execute(text)).outcome.output).toEqual([[{ x: 1, item: 1 }, false, false]]);
  });

  it('fails with the threshold error when an item fails, whatever its error', async () => {
    const { outcome, events } = await execute(over({}), { input: [1, -1], invoke: { f } });

    expect(outcome).toEqual({
      status: 'FAILED',
      error: 'States.ExceedToleratedFailureThreshold',
      cause: 'The specified tolerated failure threshold was exceeded',
    });
    expect(typesOf(events).slice(-4)).toEqual([
      'M[1] ExecutionFailed',
      'MapRunFailed',
      'MapStateFailed',
      'ExecutionFailed',
    ]);
  });

  it.each([
    ['a count that is reached', { ToleratedFailureCount: 2 }, 'SUCCEEDED'],
    ['a count that is passed', { ToleratedFailureCount: '{% 1 %}' }, 'FAILED'],
    ['a percentage that is reached', { ToleratedFailurePercentage: 50 }, 'SUCCEEDED'],
    ['a percentage that is passed', { ToleratedFailurePercentage: '{% 49.9 %}' }, 'FAILED'],
    [
      'a percentage that is passed beside a count that is not',
      { ToleratedFailureCount: 3, ToleratedFailurePercentage: 49 },
      'FAILED',
    ],
    [
      'a count that is passed beside a percentage that is not',
      { ToleratedFailureCount: 1, ToleratedFailurePercentage: 100 },
      'FAILED',
    ],
  ])('tolerates failures by %s: %s', async (_what, fields, status) => {
    const { outcome } = await execute(over(fields), { input: [1, -1, 2, -2], invoke: { f } });

    expect(outcome.status).toBe(status);
  });

  it('describes the executions that failed in its result', async () => {
    const text = over({ ToleratedFailurePercentage: 100 });

    const { outcome } = await execute(text, { input: [1, -1], invoke: { f } });

    expect(outcome.output).toEqual([
      1,
      expect.objectContaining({
        Status: 'FAILED',
        Error: 'Negative',
        Cause: expect.stringContaining('below zero') as string,
        Input: '-1',
        Name: 'test.M-1',
      }),
    ]);
  });

  it('counts the items of a batch that failed', async () => {
    const fields = { ItemBatcher: { MaxItemsPerBatch: 3 }, ToleratedFailureCount: 2 };
    const text = over(fields, {
      T: call('f', {
        Arguments: { FunctionName: 'f', Payload: '{% $states.input.Items %}' },
        End: true,
      }),
    });

    expect((await execute(text, { input: [1, 2, 3, -4, 5], invoke: { f } })).outcome.status).toBe(
      'SUCCEEDED',
    );
    expect((await execute(text, { input: [-1, 2, 3, 4, 5], invoke: { f } })).outcome.status).toBe(
      'FAILED',
    );
  });

  it('batches selected items, with what they have in common', async () => {
    const text = over(
      {
        Items: '{% $states.input.list %}',
        ItemSelector: '{% $states.context.Map.Item.Value * 10 %}',
        ItemBatcher: {
          MaxItemsPerBatch: '{% $states.input.size %}',
          BatchInput: { n: '{% $states.input.n %}' },
        },
      },
      { T: { Type: 'Pass', End: true } },
    );

    const { outcome } = await execute(text, { input: { list: [1, 2, 3], size: 2, n: 'x' } });

    expect(outcome.output).toEqual([
      { BatchInput: { n: 'x' }, Items: [10, 20] },
      { BatchInput: { n: 'x' }, Items: [30] },
    ]);
  });
});

const reader = (InputType: string) => ({
  Resource: 'arn:aws:states:::s3:getObject',
  ReaderConfig: { InputType },
  Arguments: { Bucket: 'work', Key: '{% $states.input.key %}' },
});

describe('ItemReader', () => {
  const pass = { T: { Type: 'Pass', End: true } };

  it.each([
    ['JSON', '[{"a":1},2]'],
    ['JSONL', '{"a":1}\n2\n'],
  ])('reads the items of a %s object', async (type, body) => {
    const objects = { work: memoryStore({ 'items/1': body }) };
    const text = over({ ItemReader: reader(type) }, pass);

    const { outcome, events } = await execute(text, { input: { key: 'items/1' }, objects });

    expect(outcome.output).toEqual([{ a: 1 }, 2]);
    expect(typesOf(events).slice(1, 4)).toEqual([
      'MapStateEntered',
      'MapStateStarted',
      'MapRunStarted',
    ]);
  });

  it.each([
    ['a missing object', 'JSON', 'none', 'none'],
    ['an object that is no array', 'JSON', 'object', 'Attempting to map over non-iterable node.'],
    ['what is not JSON', 'JSONL', 'text', 'not valid JSON'],
  ])('fails for %s', async (_what, type, key, cause) => {
    const objects = { work: memoryStore({ object: '{}', text: '{"a":1}\nx\n' }) };

    const { outcome, events } = await execute(over({ ItemReader: reader(type) }, pass), {
      input: { key },
      objects,
    });

    expect(outcome).toMatchObject({
      error: 'States.ItemReaderFailed',
      cause: expect.stringContaining(cause) as string,
    });
    expect(typesOf(events).slice(-3)).toEqual([
      'MapRunFailed',
      'MapStateFailed',
      'ExecutionFailed',
    ]);
  });

  it('fails for a bucket that is not here', async () => {
    const { outcome } = await execute(over({ ItemReader: reader('JSON') }, pass), {
      input: { key: 'a' },
    });

    expect(outcome).toMatchObject({
      error: 'States.ItemReaderFailed',
      cause: expect.stringContaining('no bucket work') as string,
    });
  });
});

describe('ResultWriter', () => {
  const writer = {
    Resource: 'arn:aws:states:::s3:putObject',
    Arguments: { Bucket: 'work', Prefix: "{% 'results/' & $states.context.Execution.Name %}" },
  };
  const directory = `results/test/${MAP_RUN}`;

  it('writes manifest, successes and failures as AWS lays them out, and gives the place of the manifest', async () => {
    const work = memoryStore({});
    const text = over({ ResultWriter: writer, ToleratedFailurePercentage: 100 });

    const { outcome } = await execute(text, { input: [1, -1], invoke: { f }, objects: { work } });

    expect(outcome.output).toEqual({
      MapRunArn: `local:machine/M:${MAP_RUN}`,
      ResultWriterDetails: { Bucket: 'work', Key: `${directory}/manifest.json` },
    });
    const sizeOf = (name: string) => work.objects.get(`${directory}/${name}`)?.length;
    expect(work.json(`${directory}/manifest.json`)).toEqual({
      DestinationBucket: 'work',
      MapRunArn: `local:machine/M:${MAP_RUN}`,
      ResultFiles: {
        FAILED: [{ Key: `${directory}/FAILED_0.json`, Size: sizeOf('FAILED_0.json') }],
        PENDING: [],
        SUCCEEDED: [{ Key: `${directory}/SUCCEEDED_0.json`, Size: sizeOf('SUCCEEDED_0.json') }],
      },
    });
    expect(work.json(`${directory}/SUCCEEDED_0.json`)).toEqual([
      {
        ExecutionArn: 'local:machine:test.M-0',
        Input: '1',
        InputDetails: { Included: true },
        Name: 'test.M-0',
        Output: '1',
        OutputDetails: { Included: true },
        RedriveCount: 0,
        RedriveStatus: 'NOT_REDRIVABLE',
        RedriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
        StartDate: '2026-01-01T00:00:00.000Z',
        StateMachineArn: 'local:machine',
        Status: 'SUCCEEDED',
        StopDate: '2026-01-01T00:00:00.000Z',
      },
    ]);
    expect(work.json(`${directory}/FAILED_0.json`)).toMatchObject([
      { Name: 'test.M-1', Status: 'FAILED', Error: 'Negative', RedriveStatus: 'REDRIVABLE' },
    ]);
  });

  it('writes also what a run that failed left: failed, stopped and not begun', async () => {
    const clock = new VirtualClock();
    const work = memoryStore({});
    const text = over({ ResultWriter: writer, MaxConcurrency: 2 });
    const slow: LocalFunction = async (payload, { signal }) => {
      await clock.sleep(Number(payload) < 0 ? 1000 : 2000, signal);
      return await f(payload);
    };

    const { outcome } = await execute(text, {
      clock,
      input: [1, -1, 3],
      invoke: { f: slow },
      objects: { work },
    });

    expect(outcome.error).toBe('States.ExceedToleratedFailureThreshold');
    const statuses = (name: string) =>
      (work.json(`${directory}/${name}`) as JsonObject[]).map((entry) => entry['Status']);
    expect(statuses('PENDING_0.json')).toEqual(['PENDING']);
    expect(statuses('FAILED_0.json')).toEqual(['ABORTED', 'FAILED']);
    expect(work.objects.has(`${directory}/manifest.json`)).toBe(true);
  });

  it('tells what failed first where the results cannot be written, too', async () => {
    const work = { ...memoryStore({}), put: () => Promise.reject(new Error('disk full')) };

    const { outcome } = await execute(over({ ResultWriter: writer }), {
      input: [-1],
      invoke: { f },
      objects: { work },
    });

    expect(outcome.error).toBe('States.ExceedToleratedFailureThreshold');
  });

  it('fails where the results cannot be written, and the Map is not run again for that', async () => {
    const work = { ...memoryStore({}), put: () => Promise.reject(new Error('disk full')) };
    let calls = 0;
    const counted = (payload: Json) => {
      calls += 1;
      return f(payload);
    };
    const text = over({ ResultWriter: writer });

    const first = await execute(text, { input: [1], invoke: { f: counted }, objects: { work } });
    const again = memoryStore({});
    const second = await execute(text, {
      input: [1],
      invoke: { f: counted },
      objects: { work: again },
      histories: first.histories,
    });

    expect(first.outcome).toMatchObject({ error: 'States.ResultWriterFailed', cause: 'disk full' });
    expect(second.outcome.status).toBe('SUCCEEDED');
    expect(calls).toBe(1);
  });
});
