import { describe, expect, it } from 'vitest';
import type { FunctionContext, LocalFunction } from '../../../local/engine/execution-options.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import {
  branch,
  call,
  execute,
  failing,
  machine,
  namedError,
  secondsOf,
  typesOf,
} from './harness.ts';

/** A function that sleeps as many seconds as its payload says; it notes when it was begun and when it was stopped. */
function sleeper(clock: VirtualClock) {
  const begun: unknown[] = [];
  const stopped: unknown[] = [];
  const f: LocalFunction = async (payload, { signal }: FunctionContext) => {
    begun.push(payload);
    if (payload === 'fail') throw namedError('Failed');
    await clock.sleep(Number(payload) * 1000, signal).catch((error: unknown) => {
      stopped.push(payload);
      throw error;
    });
    return payload;
  };
  return { f, begun, stopped };
}

describe('Parallel', () => {
  it('gives each branch the input and joins their outputs in order', async () => {
    const clock = new VirtualClock();
    const text = machine({
      P: {
        Type: 'Parallel',
        Arguments: ['{% $states.input + 1 %}'],
        Branches: [
          branch({ A: { Type: 'Wait', Seconds: 9, End: true } }),
          branch({ B: { Type: 'Pass', Output: '{% $states.input[0] * 10 %}', End: true } }),
        ],
        End: true,
      },
    });

    const { outcome, events } = await execute(text, { clock, input: 1 });

    expect(outcome.output).toEqual([[2], 20]);
    expect(typesOf(events)).toEqual([
      'ExecutionStarted',
      'ParallelStateEntered',
      'ParallelStateStarted',
      'P[1] PassStateEntered',
      'P[0] WaitStateEntered',
      'P[1] PassStateExited',
      'P[0] WaitStateExited',
      'ParallelStateSucceeded',
      'ParallelStateExited',
      'ExecutionSucceeded',
    ]);
  });

  it('stops the other branches when one fails, waits for them, and fails with its error', async () => {
    const clock = new VirtualClock();
    const { f, stopped } = sleeper(clock);
    const text = machine({
      P: {
        Type: 'Parallel',
        Branches: [
          branch({
            A: call('f', { Arguments: { FunctionName: 'f', Payload: 100 }, Next: 'A2' }),
            A2: call('f'),
          }),
          branch({
            B: { Type: 'Wait', Seconds: 5, Next: 'B2' },
            B2: { Type: 'Fail', Error: 'Oops', Cause: 'why' },
          }),
          branch({ C: { Type: 'Wait', Seconds: 100, End: true } }),
        ],
        End: true,
      },
    });

    const { outcome, events } = await execute(text, { clock, invoke: { f } });

    expect(outcome).toEqual({ status: 'FAILED', error: 'Oops', cause: 'why' });
    expect(stopped).toEqual([100]);
    expect(clock.elapsedMilliseconds).toBe(5000);
    expect(typesOf(events).slice(-2)).toEqual(['ParallelStateFailed', 'ExecutionFailed']);
  });

  it('runs all branches again when it is retried', async () => {
    const clock = new VirtualClock();
    const { f, begun } = sleeper(clock);
    const g = failing([namedError('Busy')]);
    const text = machine({
      P: {
        Type: 'Parallel',
        Branches: [
          branch({ A: call('f', { Arguments: { FunctionName: 'f', Payload: 1 }, End: true }) }),
          branch({ B: { Type: 'Wait', Seconds: 5, Next: 'B2' }, B2: call('g') }),
        ],
        Retry: [{ ErrorEquals: ['Busy'], IntervalSeconds: 10 }],
        End: true,
      },
    });

    const execution = await execute(text, { clock, invoke: { f, g } });

    expect(execution.outcome.output).toEqual([1, 'done']);
    expect(begun).toEqual([1, 1]);
    expect(secondsOf(execution, 'ParallelStateStarted')).toEqual([0, 15]);
  });
});

const over = (
  fields: Record<string, unknown>,
  states: Record<string, unknown> = { T: call('f') },
) => machine({ M: { Type: 'Map', ItemProcessor: branch(states), End: true, ...fields } });

describe('Map INLINE', () => {
  it('maps its input without Items, and gives the outputs in the order of the items', async () => {
    const clock = new VirtualClock();
    const { f } = sleeper(clock);

    const { outcome, events } = await execute(over({}), { clock, input: [3, 1, 2], invoke: { f } });

    expect(outcome.output).toEqual([3, 1, 2]);
    expect(typesOf(events).slice(1, 9)).toEqual([
      'MapStateEntered',
      'MapStateStarted',
      'MapIterationStarted',
      'MapIterationStarted',
      'MapIterationStarted',
      'M[0] TaskStateEntered',
      'M[1] TaskStateEntered',
      'M[2] TaskStateEntered',
    ]);
    expect(typesOf(events).slice(-6)).toEqual([
      'M[0] TaskSucceeded',
      'M[0] TaskStateExited',
      'MapIterationSucceeded',
      'MapStateSucceeded',
      'MapStateExited',
      'ExecutionSucceeded',
    ]);
  });

  it('selects what an item is, and shows the item to the states of its processor', async () => {
    const text = over(
      {
        Items: '{% $states.input.list %}',
        ItemSelector: {
          i: '{% $states.context.Map.Item.Index %}',
          v: '{% $states.context.Map.Item.Value %}',
          n: '{% $states.input.n %}',
        },
      },
      {
        T: {
          Type: 'Pass',
          Output: ['{% $states.input %}', '{% $states.context.Map.Item.Value %}'],
          End: true,
        },
      },
    );

    const { outcome } = await execute(text, { input: { list: ['a', 'b'], n: 5 } });

    expect(outcome.output).toEqual([
      [{ i: 0, v: 'a', n: 5 }, 'a'],
      [{ i: 1, v: 'b', n: 5 }, 'b'],
    ]);
  });

  it('maps no items to an empty array', async () => {
    expect(
      (await execute(over({ Items: [] }), { invoke: { f: failing([]) } })).outcome.output,
    ).toEqual([]);
  });

  it.each([
    ['an input that is no array', {}, 1, 'Map state input must be an array but was: 1'],
    [
      'Items that are no array',
      { Items: '{% 1 %}' },
      [],
      "Expected 'array', but was 'number' for value: 1",
    ],
    ['a concurrency that is no whole number', { MaxConcurrency: '{% 0.5 %}' }, [], 'out of range'],
  ])('refuses %s', async (_what, fields, input, cause) => {
    const { outcome } = await execute(over(fields), { input, invoke: { f: failing([]) } });

    expect(outcome).toMatchObject({
      error: 'States.QueryEvaluationError',
      cause: expect.stringContaining(cause) as string,
    });
  });

  it.each([
    ['a number', 3, 3],
    ['an expression', '{% 1 + 1 %}', 2],
    ['0, which stands for 40', 0, 40],
  ])('keeps to MaxConcurrency: %s', async (_what, MaxConcurrency, most) => {
    const clock = new VirtualClock();
    let running = 0;
    let seen = 0;
    const f = async () => {
      running += 1;
      seen = Math.max(seen, running);
      await clock.sleep(1000);
      running -= 1;
    };

    await execute(over({ MaxConcurrency, Items: '{% [1..100] %}' }), { clock, invoke: { f } });

    expect(seen).toBe(most);
    expect(clock.elapsedMilliseconds).toBe(Math.ceil(100 / most) * 1000);
  });

  it('stops its other items when one fails, and begins no more', async () => {
    const clock = new VirtualClock();
    const { f, begun, stopped } = sleeper(clock);
    const text = over({ Items: [9, 1, 'fail', 7, 8], MaxConcurrency: 2 });

    const { outcome, events } = await execute(text, { clock, invoke: { f } });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'Failed' });
    expect(begun).toEqual([9, 1, 'fail']);
    expect(stopped).toEqual([9]);
    expect(typesOf(events).slice(-4)).toEqual([
      'MapIterationFailed',
      'MapIterationAborted',
      'MapStateFailed',
      'ExecutionFailed',
    ]);
  });

  it('catches for the whole Map', async () => {
    const text = machine({
      M: {
        Type: 'Map',
        Items: [1],
        ItemProcessor: branch({ T: { Type: 'Fail', Error: 'E', Cause: 'c' } }),
        Catch: [{ ErrorEquals: ['E'], Output: '{% $states.errorOutput %}', Next: 'B' }],
        End: true,
      },
      B: { Type: 'Succeed' },
    });

    expect((await execute(text)).outcome.output).toEqual({ Error: 'E', Cause: 'c' });
  });

  it('runs Maps in Maps, each with its own item', async () => {
    const text = over(
      { Items: [[1, 2], [3]] },
      {
        N: {
          Type: 'Map',
          ItemProcessor: branch({
            T: { Type: 'Pass', Output: '{% $states.input * 2 %}', End: true },
          }),
          Output: { inner: '{% $states.result %}', item: '{% $states.context.Map.Item.Index %}' },
          End: true,
        },
      },
    );

    const { outcome, events } = await execute(text);

    expect(outcome.output).toEqual([
      { inner: [2, 4], item: 0 },
      { inner: [6], item: 1 },
    ]);
    expect(typesOf(events)).toContain('M[1] N[0] PassStateExited');
  });
});
