import { describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../virtual-clock.ts';
import { branch, call, execute, machine, namedError, secondsOf, typesOf } from './harness.ts';

describe('Pass, Succeed and Fail', () => {
  it('passes its input on without Output, and ends with Succeed', async () => {
    const text = machine({ A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Succeed' } });

    const { outcome, events } = await execute(text, { input: { a: [1] } });

    expect(outcome).toEqual({ status: 'SUCCEEDED', output: { a: [1] } });
    expect(typesOf(events)).toEqual([
      'ExecutionStarted',
      'PassStateEntered',
      'PassStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
      'ExecutionSucceeded',
    ]);
    expect(events.map(({ previousEventId }) => previousEventId)).toEqual([0, 0, 2, 3, 4, 5]);
  });

  it('fails with the error and the cause that its expressions give', async () => {
    const text = machine({
      A: { Type: 'Fail', Error: "{% 'E' & $states.input.n %}", Cause: 'because' },
    });

    const { outcome, events } = await execute(text, { input: { n: 1 } });

    expect(outcome).toEqual({ status: 'FAILED', error: 'E1', cause: 'because' });
    expect(typesOf(events)).toEqual(['ExecutionStarted', 'FailStateEntered', 'ExecutionFailed']);
  });

  it('fails without a name where Fail gives none', async () => {
    expect((await execute(machine({ A: { Type: 'Fail' } }))).outcome).toEqual({ status: 'FAILED' });
  });
});

/** A line of states that assigns a variable of its own from `x` and ends with it. */
function reader(name: string) {
  return branch({
    [name]: { Type: 'Pass', Assign: { [`own${name}`]: '{% $x + 1 %}' }, Next: `${name}2` },
    [`${name}2`]: { Type: 'Pass', Output: `{% $own${name} %}`, End: true },
  });
}

describe('Assign', () => {
  it('is evaluated beside Output, both from the values at the entry', async () => {
    const text = machine({
      A: { Type: 'Pass', Assign: { x: 1, y: 2 }, Next: 'B' },
      B: {
        Type: 'Pass',
        Assign: { x: '{% $y %}', y: '{% $x %}' },
        Output: { x: '{% $x %}' },
        Next: 'C',
      },
      C: {
        Type: 'Pass',
        Output: { before: '{% $states.input.x %}', after: '{% [$x, $y] %}' },
        End: true,
      },
    });

    const { outcome, events } = await execute(text);

    expect(outcome.output).toEqual({ before: 1, after: [2, 1] });
    expect(events[2]).toMatchObject({
      stateExitedEventDetails: { assignedVariables: { x: '1', y: '2' } },
      next: 'B',
    });
  });

  it('is seen by branches and items, which cannot change what is outside', async () => {
    const text = machine({
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'P' },
      P: { Type: 'Parallel', Branches: [reader('L'), reader('R')], Next: 'M' },
      M: {
        Type: 'Map',
        Items: [0, 0],
        ItemProcessor: reader('I'),
        Output: [
          '{% $states.input %}',
          '{% $states.result %}',
          '{% $exists($ownI) or $exists($ownL) %}',
        ],
        End: true,
      },
    });

    expect((await execute(text)).outcome.output).toEqual([[2, 2], [2, 2], false]);
  });

  it('of a catcher takes the place of the one of the state', async () => {
    const text = machine({
      A: call('f', {
        Assign: { x: 'state' },
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            Assign: { x: '{% $states.errorOutput.Error %}' },
            Output: 'caught',
            Next: 'B',
          },
        ],
        End: true,
      }),
      B: { Type: 'Pass', Output: ['{% $x %}', '{% $states.input %}'], End: true },
    });

    const { outcome } = await execute(text, {
      invoke: { f: () => Promise.reject(namedError('Oops')) },
    });

    expect(outcome.output).toEqual(['Oops', 'caught']);
  });
});

describe('Choice', () => {
  const text = machine({
    A: {
      Type: 'Choice',
      Choices: [
        {
          Condition: '{% $states.input.n > 10 %}',
          Next: 'B',
          Output: 'big',
          Assign: { x: 'rule' },
        },
        { Condition: '{% $states.input.n > 5 %}', Next: 'B' },
      ],
      Default: 'B',
      Output: 'default',
      Assign: { x: 'state' },
    },
    B: {
      Type: 'Pass',
      Output: ['{% $states.input %}', "{% $exists($x) ? $x : 'none' %}"],
      End: true,
    },
  });

  it.each([
    ['the first rule that holds, with its Output and Assign', 11, ['big', 'rule']],
    ['a rule without Output and Assign, not the ones of the state', 6, [{ n: 6 }, 'none']],
    ['the default with Output and Assign of the state', 1, ['default', 'state']],
  ])('takes %s', async (_what, n, expected) => {
    expect((await execute(text, { input: { n } })).outcome.output).toEqual(expected);
  });

  it('fails where nothing matches and there is no default', async () => {
    const lost = machine({
      A: { Type: 'Choice', Choices: [{ Condition: false, Next: 'B' }] },
      B: { Type: 'Succeed' },
    });

    expect((await execute(lost)).outcome.error).toBe('States.NoChoiceMatched');
  });

  it('refuses a condition that is no boolean, also a true-like one', async () => {
    const wrong = machine({
      A: { Type: 'Choice', Choices: [{ Condition: "{% 'true' %}", Next: 'B' }], Default: 'B' },
      B: { Type: 'Succeed' },
    });

    expect((await execute(wrong)).outcome).toMatchObject({
      error: 'States.QueryEvaluationError',
      cause: expect.stringContaining(
        "specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but was 'string' for value: \"true\"",
      ) as string,
    });
  });
});

describe('Wait', () => {
  it('waits for seconds that an expression gives', async () => {
    const text = machine({ A: { Type: 'Wait', Seconds: '{% $states.input.n * 60 %}', End: true } });

    const execution = await execute(text, { input: { n: 2 } });

    expect(execution.outcome).toEqual({ status: 'SUCCEEDED', output: { n: 2 } });
    expect(secondsOf(execution, 'WaitStateExited')).toEqual([120]);
  });

  it('waits until a time, and not at all for one that is past', async () => {
    const text = machine({
      A: { Type: 'Wait', Timestamp: '{% $states.input %}', Next: 'B' },
      B: { Type: 'Wait', Timestamp: '2020-01-01T00:00:00Z', End: true },
    });

    const execution = await execute(text, { input: '2026-01-01T02:00:00.000+01:00' });

    expect(secondsOf(execution, 'WaitStateExited')).toEqual([3600, 3600]);
  });

  it('waits longer than a timer of JavaScript can', async () => {
    const text = machine({ A: { Type: 'Wait', Seconds: 99_999_999, End: true } });
    const clock = new VirtualClock();
    const sleep = vi.spyOn(clock, 'sleep');

    const execution = await execute(text, { clock });

    expect(secondsOf(execution, 'WaitStateExited')).toEqual([99_999_999]);
    expect(Math.max(...sleep.mock.calls.map(([milliseconds]) => milliseconds))).toBeLessThan(
      2 ** 31,
    );
  });

  it.each([
    ['a fraction', { Seconds: '{% 1.5 %}' }, 'out of range'],
    ['a negative number', { Seconds: '{% -1 %}' }, 'out of range'],
    ['a string', { Seconds: "{% '1' %}" }, "Expected 'number', but was 'string'"],
    ['a time without offset', { Timestamp: '2026-01-01T00:00:00' }, 'ISO-8601 extended offset'],
    ['a month 13', { Timestamp: '2026-13-01T00:00:00Z' }, 'ISO-8601 extended offset'],
  ])('refuses %s', async (_what, fields, cause) => {
    const { outcome, events } = await execute(
      machine({ A: { Type: 'Wait', ...fields, End: true } }),
    );

    expect(outcome).toMatchObject({
      error: 'States.QueryEvaluationError',
      cause: expect.stringContaining(cause) as string,
    });
    expect(typesOf(events)).toEqual([
      'ExecutionStarted',
      'WaitStateEntered',
      'EvaluationFailed',
      'ExecutionFailed',
    ]);
  });
});
