import { describe, expect, it } from 'vitest';
import {
  branch,
  call,
  goOn,
  execute,
  failing,
  fixedChance,
  machine,
  namedError,
  secondsOf,
  typesOf,
} from './harness.ts';

const busy = namedError('Busy');
const broken = namedError('Broken');

describe('Retry', () => {
  it('backs off exponentially, up to MaxDelaySeconds, and gives up after MaxAttempts', async () => {
    const retry = {
      ErrorEquals: ['Busy'],
      IntervalSeconds: 2,
      BackoffRate: 3,
      MaxDelaySeconds: 10,
      MaxAttempts: 4,
    };
    const text = machine({ A: call('f', { Retry: [retry], End: true }) });

    const execution = await execute(text, {
      invoke: { f: failing(Array.from({ length: 9 }, () => busy)) },
    });

    expect(secondsOf(execution, 'TaskStarted')).toEqual([0, 2, 8, 18, 28]);
    expect(execution.outcome).toMatchObject({ status: 'FAILED', error: 'Busy' });
  });

  it('has the defaults of the language: 1 s, doubled, 3 attempts', async () => {
    const text = machine({ A: call('f', { Retry: [{ ErrorEquals: ['States.ALL'] }], End: true }) });

    const execution = await execute(text, { invoke: { f: failing([busy, busy, busy, busy]) } });

    expect(secondsOf(execution, 'TaskFailed')).toEqual([0, 1, 3, 7]);
  });

  it('spreads the delay from zero to its length with full jitter', async () => {
    const retry = {
      ErrorEquals: ['Busy'],
      IntervalSeconds: 100,
      BackoffRate: 1,
      JitterStrategy: 'FULL',
    };
    const text = machine({ A: call('f', { Retry: [retry], End: true }) });

    const execution = await execute(text, {
      invoke: { f: failing([busy, busy, busy]) },
      chance: fixedChance([0.25, 0, 0.999]),
    });

    expect(secondsOf(execution, 'TaskStarted')).toEqual([0, 25, 25, 124.9]);
    expect(execution.outcome.status).toBe('SUCCEEDED');
  });

  it('counts for each retrier only the errors that it is the first to take', async () => {
    const text = machine({
      A: call('f', {
        Retry: [
          { ErrorEquals: ['Unfinished'], IntervalSeconds: 1, BackoffRate: 1, MaxAttempts: 500 },
          { ErrorEquals: ['States.ALL'], IntervalSeconds: 10, BackoffRate: 2, MaxAttempts: 2 },
        ],
        End: true,
      }),
    });
    const unfinished = namedError('Unfinished');

    const execution = await execute(text, {
      invoke: { f: failing([unfinished, busy, unfinished, unfinished, broken, unfinished]) },
    });

    expect(secondsOf(execution, 'TaskStarted')).toEqual([0, 1, 11, 12, 13, 33, 34]);
    expect(execution.outcome.output).toBe('done');
  });

  it('is not tried with a retrier of no attempts, even if a later one would', async () => {
    const text = machine({
      A: call('f', {
        Retry: [{ ErrorEquals: ['Broken'], MaxAttempts: 0 }, { ErrorEquals: ['States.ALL'] }],
        End: true,
      }),
    });

    const { events } = await execute(text, { invoke: { f: failing([broken]) } });

    expect(typesOf(events).filter((type) => type === 'TaskStarted')).toHaveLength(1);
  });

  it('evaluates the arguments again, with the count of retries', async () => {
    const seen: unknown[] = [];
    const text = machine({
      A: call('f', {
        Arguments: { FunctionName: 'f', Payload: '{% $states.context.State.RetryCount %}' },
        Retry: [{ ErrorEquals: ['Busy'] }],
        End: true,
      }),
    });
    const inner = failing([busy, busy]);

    await execute(text, {
      invoke: { f: (payload, context) => (seen.push(payload), inner(payload, context)) },
    });

    expect(seen).toEqual([0, 1, 2]);
  });

  it('takes an expression that fails, too', async () => {
    const text = machine({
      A: call('f', {
        Output: '{% $states.result.Payload.value %}',
        Retry: [{ ErrorEquals: ['States.QueryEvaluationError'], MaxAttempts: 1 }],
        End: true,
      }),
    });
    const answers = [{}, { value: 7 }];

    const { outcome, events } = await execute(text, {
      invoke: { f: () => Promise.resolve(answers.shift()) },
    });

    expect(outcome.output).toBe(7);
    expect(
      typesOf(events).filter((type) => type.startsWith('Task') || type.startsWith('Eval')),
    ).toEqual([
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'EvaluationFailed',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
    ]);
  });
});

const caughtBy = async (errorEquals: string[], error: Error) => {
  const text = machine({
    A: call('f', {
      Catch: [{ ErrorEquals: errorEquals, Next: 'B' }],
      TimeoutSeconds: 5,
      End: true,
    }),
    B: { Type: 'Pass', Output: '{% $states.input.Error %}', End: true },
  });
  return (await execute(text, { invoke: { f: () => Promise.reject(error) } })).outcome;
};

describe('Catch', () => {
  it.each([
    ['by its name', ['Broken'], 'SUCCEEDED'],
    ['by States.ALL', ['States.ALL'], 'SUCCEEDED'],
    ['by States.TaskFailed', ['States.TaskFailed'], 'SUCCEEDED'],
    ['not by another name', ['Busy', 'Error'], 'FAILED'],
    ['not by States.Timeout', ['States.Timeout'], 'FAILED'],
  ])('catches an error %s', async (_how, errorEquals, status) => {
    expect((await caughtBy(errorEquals, broken)).status).toBe(status);
  });

  it.each([
    ['States.Timeout', 'SUCCEEDED'],
    ['States.ALL', 'SUCCEEDED'],
    ['States.TaskFailed', 'FAILED'],
  ])('a timeout is taken by %s: %s', async (name, status) => {
    const text = machine({
      A: call('f', { TimeoutSeconds: 5, Catch: [{ ErrorEquals: [name], Next: 'B' }], End: true }),
      B: { Type: 'Pass', End: true },
    });

    const execution = await execute(text, {
      invoke: { f: () => new Promise(() => {}) },
      stopGraceSeconds: 1,
    });

    expect(execution.outcome.status).toBe(status);
    expect(secondsOf(execution, 'TaskTimedOut')).toEqual([6]);
  });

  it('hands the error and the cause on as the output unless it has an Output', async () => {
    const text = machine({
      A: call('f', { Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }], End: true }),
      B: { Type: 'Pass', End: true },
    });

    const { outcome, events } = await execute(text, { invoke: { f: failing([broken]) } });

    const { Error: name, Cause } = outcome.output as { Error: string; Cause: string };
    expect(name).toBe('Broken');
    expect(JSON.parse(Cause)).toEqual({
      errorType: 'Broken',
      errorMessage: 'Broken happened',
      trace: expect.any(Array) as unknown,
    });
    expect(typesOf(events).slice(4, 7)).toEqual([
      'TaskFailed',
      'TaskStateExited',
      'PassStateEntered',
    ]);
  });

  it('comes after Retry', async () => {
    const text = machine({
      A: call('f', {
        Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ['Busy'], Output: 'caught', Next: 'B' }],
        End: true,
      }),
      B: { Type: 'Pass', End: true },
    });

    const execution = await execute(text, { invoke: { f: failing([busy, busy]) } });

    expect(execution.outcome.output).toBe('caught');
    expect(secondsOf(execution, 'TaskStarted')).toEqual([0, 1]);
  });

  it('sees the count of retries, not of failures', async () => {
    const text = machine({
      A: call('f', {
        Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 2 }],
        Catch: [
          { ErrorEquals: ['Busy'], Output: '{% $states.context.State.RetryCount %}', Next: 'B' },
        ],
        End: true,
      }),
      B: { Type: 'Pass', End: true },
    });

    const { outcome } = await execute(text, { invoke: { f: failing([busy, busy, busy]) } });

    expect(outcome.output).toBe(2);
  });

  it('does not catch what fails in a catcher, then or after a crash', async () => {
    const text = machine({
      A: call('f', {
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            Output: "{% $states.errorOutput.Error = 'Broken' ? $no : 'caught after all' %}",
            Next: 'B',
          },
        ],
        End: true,
      }),
      B: { Type: 'Pass', End: true },
    });

    const { outcome, events } = await execute(text, { invoke: { f: failing([broken]) } });
    const resumed = await goOn(text, events.slice(0, -1), { invoke: { f: failing([broken]) } });

    expect(outcome).toMatchObject({
      status: 'FAILED',
      error: 'States.QueryEvaluationError',
      cause: expect.stringContaining("'Catch[0]/Output'") as string,
    });
    expect(resumed.outcome).toEqual(outcome);
  });

  it.each([
    ['a state', { A: { Type: 'Pass', Output: '{% $no %}', End: true } }],
    [
      'a catcher',
      {
        A: call('f', {
          Catch: [{ ErrorEquals: ['States.ALL'], Output: '{% $no %}', Next: 'B' }],
          End: true,
        }),
        B: { Type: 'Pass', End: true },
      },
    ],
  ])(
    'records once where an expression of %s failed, and around it that the Parallel did',
    async (_whose, states) => {
      const text = machine({ P: { Type: 'Parallel', Branches: [branch(states)], End: true } });

      const { outcome, events } = await execute(text, { invoke: { f: failing([broken]) } });

      expect(outcome.error).toBe('States.QueryEvaluationError');
      expect(typesOf(events).slice(-3)).toEqual([
        'P[0] EvaluationFailed',
        'ParallelStateFailed',
        'ExecutionFailed',
      ]);
    },
  );
});
