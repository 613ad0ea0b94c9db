import { describe, expect, it } from 'vitest';
import type { FunctionContext } from '../../../local/engine/execution-options.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { call, execute, machine, namedError, typesOf } from './harness.ts';

const one = machine({ A: call('f') });

async function causeOf(thrown: unknown): Promise<{ error: unknown; cause: unknown }> {
  const f = async () => {
    await Promise.resolve();
    throw thrown as Error;
  };
  const { outcome } = await execute(one, { invoke: { f } });
  return { error: outcome.error, cause: JSON.parse(outcome.cause ?? '') };
}

describe('lambda:invoke', () => {
  it('gives the function its payload and the state the answer beside a status', async () => {
    const text = machine({ A: call('f', { Output: '{% $states.result %}', End: true }) });

    const { outcome, events } = await execute(text, {
      input: { n: 1 },
      invoke: { f: (payload) => Promise.resolve({ got: payload }) },
    });

    expect(outcome.output).toEqual({ Payload: { got: { n: 1 } }, StatusCode: 200 });
    expect(typesOf(events)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ]);
    expect(events[2]).toMatchObject({
      taskScheduledEventDetails: {
        resourceType: 'lambda',
        resource: 'invoke',
        parameters: '{"FunctionName":"f","Payload":{"n":1}}',
      },
    });
  });

  it('shares nothing with the function', async () => {
    const kept: { list: number[] }[] = [];
    const text = machine({
      A: call('f', { Assign: { first: '{% $states.result.Payload %}' }, Next: 'B' }),
      B: call('f', {
        Arguments: { FunctionName: 'f', Payload: '{% $first %}' },
        Output: ['{% $first %}', '{% $states.result.Payload %}'],
        End: true,
      }),
    });
    const f = (payload: unknown) => {
      for (const value of kept) value.list.push(0);
      const value = payload as { list: number[] };
      value.list.push(value.list.length + 1);
      kept.push(value);
      return Promise.resolve(value);
    };

    const { outcome } = await execute(text, { input: { list: [] }, invoke: { f } });

    expect(outcome.output).toEqual([{ list: [1] }, { list: [1, 2] }]);
  });

  it('takes an answer of nothing for null', async () => {
    const { outcome } = await execute(one, { invoke: { f: () => Promise.resolve(undefined) } });

    expect(outcome).toEqual({ status: 'SUCCEEDED', output: null });
  });

  it('gives the function the context that Lambda gives', async () => {
    const clock = new VirtualClock();
    let seen: FunctionContext | undefined;
    const f = async (_payload: unknown, context: FunctionContext) => {
      seen = context;
      await clock.sleep(40_000);
      return context.getRemainingTimeInMillis();
    };

    const { outcome } = await execute(one, {
      clock,
      invoke: { f },
      functionTimeoutSeconds: { f: 60 },
    });

    expect(outcome.output).toBe(20_000);
    expect(seen).toMatchObject({ functionName: 'f', awsRequestId: expect.any(String) as string });
  });

  it('reports an error as Lambda does: name, message and the places it came through', async () => {
    const secret = Object.assign(namedError('ServerNotFound', 'no server 7'), { token: 'secret' });
    secret.cause = new Error('secret');

    const { error, cause } = await causeOf(secret);

    expect(error).toBe('ServerNotFound');
    expect(cause).toEqual({
      errorType: 'ServerNotFound',
      errorMessage: 'no server 7',
      trace: expect.any(Array) as unknown,
    });
    expect(JSON.stringify(cause)).not.toContain('secret');
  });

  it('reports what is no error by its type', async () => {
    expect(await causeOf('text')).toEqual({
      error: 'string',
      cause: { errorType: 'string', errorMessage: 'text', trace: [] },
    });
  });

  it('reports an answer that is not JSON', async () => {
    const { outcome } = await execute(one, { invoke: { f: () => Promise.resolve(1n) } });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'TypeError' });
  });

  it('reports a function that an expression names and nobody has', async () => {
    const text = machine({
      A: call('f', { Arguments: { FunctionName: '{% $states.input %}' }, End: true }),
    });

    expect((await execute(text, { input: 'constructor' })).outcome).toEqual({
      status: 'FAILED',
      error: 'Lambda.ResourceNotFoundException',
      cause: 'Function not found: constructor',
    });
  });
});

describe('events:putEvents', () => {
  const text = machine({
    A: {
      Type: 'Task',
      Resource: 'arn:aws:states:::events:putEvents',
      Arguments: {
        Entries: [{ Source: 's', DetailType: 'd', Detail: { n: '{% $states.input %}' } }],
      },
      End: true,
    },
  });

  it('hands the entries over and answers as EventBridge does', async () => {
    const published: unknown[] = [];

    const { outcome } = await execute(text, {
      input: 3,
      putEvents: async (entries) => {
        await Promise.resolve();
        published.push(...entries);
      },
    });

    expect(published).toEqual([{ Source: 's', DetailType: 'd', Detail: { n: 3 } }]);
    expect(outcome.output).toEqual({
      Entries: [{ EventId: expect.any(String) as string }],
      FailedEntryCount: 0,
    });
  });

  it('reports an error by its name and message', async () => {
    const error = namedError('EventBridge.Throttled', 'slower');
    const { outcome } = await execute(text, { putEvents: () => Promise.reject(error) });

    expect(outcome).toEqual({
      status: 'FAILED',
      error: 'EventBridge.Throttled',
      cause: 'slower',
    });
  });
});

describe('ecs:runTask.sync', () => {
  it('runs the task to its end and takes what it resolves to for the result', async () => {
    const text = machine({
      A: {
        Type: 'Task',
        Resource: 'arn:aws:states:::ecs:runTask.sync',
        Arguments: { TaskDefinition: 'worker', Cluster: '{% $states.input %}' },
        End: true,
      },
    });

    const { outcome, events } = await execute(text, {
      input: 'c',
      runTask: (parameters) => Promise.resolve({ ran: parameters }),
    });

    expect(outcome.output).toEqual({ ran: { TaskDefinition: 'worker', Cluster: 'c' } });
    expect(events[3]).toMatchObject({
      taskStartedEventDetails: { resourceType: 'ecs', resource: 'runTask.sync' },
    });
  });
});

describe('bindings', () => {
  it('are all there before anything runs', async () => {
    const text = machine({
      A: call('f', { Next: 'P' }),
      P: {
        Type: 'Parallel',
        Branches: [
          { StartAt: 'B', States: { B: call('g') } },
          {
            StartAt: 'C',
            States: {
              C: {
                Type: 'Task',
                Resource: 'arn:aws:states:::events:putEvents',
                Arguments: { Entries: [] },
                End: true,
              },
            },
          },
        ],
        End: true,
      },
    });

    await expect(execute(text, { invoke: { f: () => Promise.resolve(1) } })).rejects.toThrow(
      'there is no function g for the state B, no events:putEvents for the state C',
    );
  });
});
