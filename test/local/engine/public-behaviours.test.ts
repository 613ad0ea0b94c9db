import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../lib/bank/store/memory-store.ts';
import {
  branch,
  call,
  distributed,
  execute,
  failing,
  fixedChance,
  machine,
  namedError,
  secondsOf,
  typesOf,
} from './harness.ts';

const over = (items: number[], fields: Record<string, unknown>) =>
  machine({
    M: {
      Type: 'Map',
      Items: items,
      ...fields,
      ItemProcessor: distributed({ I: call('f') }),
      End: true,
    },
  });
const negative = async (payload: unknown) => {
  await Promise.resolve();
  if (typeof payload === 'number' && payload < 0) throw namedError('Negative');
  return payload;
};

/**
 * What AWS documents of the rules that our definitions use, as its pages give them. DG is the Step Functions Developer Guide,
 * https://docs.aws.amazon.com/step-functions/latest/dg/. The other tests of this folder go further into each of them.
 */
describe('as the Developer Guide describes it, the engine', () => {
  const documented = {
    X: call('x', {
      Retry: [
        {
          ErrorEquals: ['ErrorA', 'ErrorB'],
          IntervalSeconds: 1,
          BackoffRate: 2,
          MaxAttempts: 2,
        },
        { ErrorEquals: ['ErrorC'], IntervalSeconds: 5 },
      ],
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Z' }],
      Next: 'Y',
    }),
    Y: { Type: 'Pass', End: true },
    Z: { Type: 'Pass', End: true },
  };

  // DG concepts-error-handling.html, "Examples using Retry and using Catch", complex retry scenarios.
  it('counts attempts for each retrier: ErrorA, ErrorB, ErrorC and ErrorB wait 1, 2 and 5 s and are caught', async () => {
    const errors = ['ErrorA', 'ErrorB', 'ErrorC', 'ErrorB'].map((name) => namedError(name));

    const run = await execute(machine(documented), { invoke: { x: failing(errors) } });

    expect(secondsOf(run, 'TaskStarted')).toEqual([0, 1, 3, 8]);
    expect(typesOf(run.events)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      ...[1, 2, 3, 4].flatMap(() => ['TaskScheduled', 'TaskStarted', 'TaskFailed']),
      'TaskStateExited',
      'PassStateEntered',
      'PassStateExited',
      'ExecutionSucceeded',
    ]);
    expect(run.events.find(({ type }) => type === 'PassStateEntered')).toMatchObject({
      stateEnteredEventDetails: { name: 'Z' },
    });
  });

  // DG concepts-error-handling.html, "MaxDelaySeconds": the longest that a wait becomes, whatever the rate.
  it('waits no longer than MaxDelaySeconds', async () => {
    const Retry = [
      {
        ErrorEquals: ['E'],
        IntervalSeconds: 3,
        BackoffRate: 2,
        MaxDelaySeconds: 5,
        MaxAttempts: 3,
      },
    ];
    const errors = [1, 2, 3].map(() => namedError('E'));

    const run = await execute(machine({ X: call('x', { Retry, End: true }) }), {
      invoke: { x: failing(errors) },
    });

    expect(secondsOf(run, 'TaskStarted')).toEqual([0, 3, 8, 13]);
  });

  // DG concepts-error-handling.html, "JitterStrategy": FULL draws each wait from 0 to what it would be; the default is NONE.
  it.each([
    ['FULL', [0, 2, 4.5]],
    ['NONE', [0, 4, 13]],
  ])('draws waits with JitterStrategy %s', async (JitterStrategy, seconds) => {
    const Retry = [
      {
        ErrorEquals: ['E'],
        IntervalSeconds: 4,
        BackoffRate: 3,
        MaxDelaySeconds: 9,
        MaxAttempts: 2,
        JitterStrategy,
      },
    ];
    const errors = [namedError('E'), namedError('E')];
    // Half of the 4 s, and 2.5 of the 9 that MaxDelaySeconds makes of 12.
    const chance = fixedChance([0.5, 2.5 / 9]);

    const run = await execute(machine({ X: call('x', { Retry, End: true }) }), {
      chance,
      invoke: { x: failing(errors) },
    });

    expect(secondsOf(run, 'TaskStarted')).toEqual(seconds);
  });

  // DG concepts-error-handling.html, "Error names": States.TaskFailed matches any error but States.Timeout; States.ALL both.
  it.each([
    ['E', 'States.TaskFailed', 'caught'],
    ['E', 'States.ALL', 'caught'],
    ['E', 'States.Timeout', 'FAILED'],
    ['timeout', 'States.TaskFailed', 'FAILED'],
    ['timeout', 'States.Timeout', 'caught'],
    ['timeout', 'States.ALL', 'caught'],
  ])('of %s: a catcher of %s makes it %s', async (error, name, result) => {
    const text = machine({
      X: call('x', {
        TimeoutSeconds: 10,
        Catch: [{ ErrorEquals: [name], Next: 'Z' }],
        End: true,
      }),
      Z: { Type: 'Pass', Output: 'caught', End: true },
    });
    const x =
      error === 'timeout'
        ? (_payload: unknown, { signal }: { signal: AbortSignal }) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error));
            })
        : failing([namedError(error)]);

    const { outcome } = await execute(text, { invoke: { x } });

    expect(outcome.output ?? outcome.status).toBe(result);
  });

  // DG service-quotas.html: a Task's input or result has 262,144 bytes of UTF-8 at most.
  it('gives a result of more than 262,144 bytes the name States.DataLimitExceeded', async () => {
    const text = machine({ X: call('x') });

    const fits = await execute(text, {
      invoke: { x: async () => await Promise.resolve('x'.repeat(262_000)) },
    });
    const tooLarge = await execute(text, {
      invoke: { x: async () => await Promise.resolve('x'.repeat(262_144)) },
    });

    expect(fits.outcome.status).toBe('SUCCEEDED');
    expect(tooLarge.outcome.error).toBe('States.DataLimitExceeded');
  });

  // DG transforming-data.html: an expression that fails, or gives nothing, is States.QueryEvaluationError, which can be caught.
  it.each(["{% $error('no') %}", '{% $states.input.nothing %}', '{% 1 + $states.input %}'])(
    'names what is wrong with %s States.QueryEvaluationError',
    async (Output) => {
      const text = machine({
        X: call('x', {
          Output,
          Catch: [{ ErrorEquals: ['States.QueryEvaluationError'], Next: 'Z' }],
          End: true,
        }),
        Z: { Type: 'Pass', Output: 'caught', End: true },
      });

      const { outcome, events } = await execute(text, { input: {}, invoke: { x: failing([]) } });

      expect(outcome.output).toBe('caught');
      expect(typesOf(events)).toContain('EvaluationFailed');
    },
  );

  // DG workflow-variables.html, "Evaluation order in an Assign field" and "Variable name scope".
  it('assigns from the values before, in parallel, and keeps inner variables inside', async () => {
    const text = machine({
      A: { Type: 'Pass', Assign: { x: 1, y: 2 }, Next: 'Swap' },
      Swap: { Type: 'Pass', Assign: { x: '{% $y %}', y: '{% $x %}' }, Next: 'P' },
      P: {
        Type: 'Parallel',
        Branches: [
          branch({ In: { Type: 'Pass', Assign: { inner: 1 }, Output: '{% $x %}', End: true } }),
        ],
        Next: 'B',
      },
      B: {
        Type: 'Pass',
        Output: '{% [$x, $y, $exists($inner), $count($states.input)] %}',
        End: true,
      },
    });

    expect((await execute(text)).outcome.output).toEqual([2, 1, false, 1]);
  });

  // DG workflow-variables.html: the states of a Distributed Map cannot refer to variables outside of it.
  it('hides variables from a Distributed Map', async () => {
    const text = machine({
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'M' },
      M: {
        Type: 'Map',
        Items: [1],
        ItemProcessor: distributed({
          I: { Type: 'Pass', Output: '{% $exists($x) %}', End: true },
        }),
        End: true,
      },
    });

    expect((await execute(text)).outcome.output).toEqual([false]);
  });

  // DG state-map-distributed.html, "Tolerated failure threshold": the default is 0 per cent; above it the Map fails with
  // States.ExceedToleratedFailureThreshold; with both given, either one that is exceeded fails it.
  it.each([
    [{}, 'States.ExceedToleratedFailureThreshold'],
    [{ ToleratedFailurePercentage: 24 }, 'States.ExceedToleratedFailureThreshold'],
    [{ ToleratedFailurePercentage: 25 }, undefined],
    [
      { ToleratedFailureCount: 1, ToleratedFailurePercentage: 10 },
      'States.ExceedToleratedFailureThreshold',
    ],
    [{ ToleratedFailureCount: 1 }, undefined],
  ])('of four items, one of which fails: %j', async (fields, error) => {
    const { outcome, events } = await execute(over([1, 2, 3, -4], fields), {
      invoke: { f: negative },
    });

    expect(outcome.error).toBe(error);
    expect(typesOf(events)).toContain(error === undefined ? 'MapRunSucceeded' : 'MapRunFailed');
  });

  // DG input-output-itembatcher.html: a batch is {"BatchInput": …, "Items": […]}, the last one may be smaller.
  it('makes batches of items', async () => {
    const text = over([1, 2, 3], {
      ItemBatcher: { MaxItemsPerBatch: 2, BatchInput: { plan: 'nightly' } },
    });

    const { outcome } = await execute(text, { invoke: { f: negative } });

    expect(outcome.output).toEqual([
      { BatchInput: { plan: 'nightly' }, Items: [1, 2] },
      { BatchInput: { plan: 'nightly' }, Items: [3] },
    ]);
  });

  // DG input-output-resultwriter.html: <Prefix>/<id>/manifest.json, SUCCEEDED_0.json, FAILED_0.json; the state's result names the manifest.
  it('writes results where the page says, and names the manifest', async () => {
    const work = memoryStore({});
    const text = over([1, -2], {
      ToleratedFailurePercentage: 100,
      ResultWriter: {
        Resource: 'arn:aws:states:::s3:putObject',
        Arguments: { Bucket: 'work', Prefix: 'results' },
      },
    });

    const { outcome } = await execute(text, { invoke: { f: negative }, objects: { work } });

    const { ResultWriterDetails } = outcome.output as { ResultWriterDetails: { Key: string } };
    const directory = /^results\/[^/]+\//.exec(ResultWriterDetails.Key)?.[0] ?? '';
    const keys: string[] = [];
    for await (const { key } of work.list('')) keys.push(key);
    expect(keys.sort()).toEqual(
      ['FAILED_0.json', 'SUCCEEDED_0.json', 'manifest.json'].map((name) => directory + name),
    );
  });

  // DG state-fail.html and state-choice.html: a Fail's own error; no rule and no Default is States.NoChoiceMatched.
  it.each([
    [{ X: { Type: 'Fail', Error: 'Own', Cause: 'why' } }, 'Own'],
    [
      {
        X: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'Y' }] },
        Y: { Type: 'Pass', End: true },
      },
      'States.NoChoiceMatched',
    ],
  ])('ends with the error of %j', async (states, error) => {
    const { outcome } = await execute(machine(states));

    expect(outcome).toMatchObject({ status: 'FAILED', error });
  });
});
