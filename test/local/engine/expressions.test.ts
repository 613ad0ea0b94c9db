import { describe, expect, it } from 'vitest';
import type { Json } from '../../../local/engine/json.ts';
import { fixedChance, valueOf } from './harness.ts';

const values: [string, string, Json, Json][] = [
  ['reads the input of the state', '{% $states.input.a.b %}', { a: { b: 7 } }, 7],
  ['keeps null as a value', '{% $states.input.a %}', { a: null }, null],
  [
    'gives one match of a filter as it is',
    '{% $states.input.a[ok] %}',
    { a: [{ ok: true }] },
    { ok: true },
  ],
  [
    'gives an array where one is built',
    '{% [$states.input.a[ok]] %}',
    { a: [{ ok: true }] },
    [{ ok: true }],
  ],
  [
    'partitions with the rest in the last part',
    '{% $partition([1..5], 2) %}',
    {},
    [[1, 2], [3, 4], [5]],
  ],
  ['partitions into one part', '{% $partition([1], 4) %}', {}, [[1]]],
  ['counts a range with its end', '{% $range(0, 9, 3) %}', {}, [0, 3, 6, 9]],
  ['counts a range down', '{% $range(3, 1, -1) %}', {}, [3, 2, 1]],
  ['gives a range of one as that one', '{% $range(1, 9, 9) %}', {}, 1],
  [
    'hashes',
    "{% $hash('a', 'SHA-256') %}",
    {},
    'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
  ],
  ['parses', `{% $parse('{"a": [1]}') %}`, {}, { a: [1] }],
  ['draws a number', '{% $random() %}', {}, 0.5],
  ['draws the same number for a seed', '{% $random(7) = $random(7) %}', {}, true],
  ['makes a UUID', '{% $uuid() %}', {}, '00000000-0000-4000-8000-000000000001'],
  ['tells the time of the clock', '{% $now() %}', {}, '2026-01-01T00:00:00.000Z'],
  ['tells the time in a picture', "{% $now('[Y]-[M01]') %}", {}, '2026-01'],
  ['tells milliseconds', '{% $millis() %}', {}, Date.UTC(2026, 0, 1)],
  ['writes a number that JSON has not as a word', '{% 0/0 %}', {}, 'NaN'],
];

const failures: [string, string, string][] = [
  ['a missing field', '{% $states.input.a %}', 'returned nothing (undefined).'],
  ['a filter that matches nothing', '{% $states.input.list[no] %}', 'returned nothing'],
  ['an unknown variable', '{% $unknown %}', 'returned nothing'],
  ['a partition of nothing', '{% $partition([], 2) %}', 'returned nothing'],
  ['a range without a step', '{% $range(1, 2) %}', 'returned nothing'],
  ['a range against its step', '{% $range(1, 5, -1) %}', 'returned nothing'],
  ['a hash without an algorithm', "{% $hash('a') %}", 'returned nothing'],
  ['an unknown hash', "{% $hash('a', 'CRC') %}", 'CRC is not a hash algorithm'],
  ['a function as a value', '{% $sum %}', 'returned a function'],
  ['a function inside a value', '{% {"f": function($x) { $x }} %}', 'returned a function'],
  ['a type error', "{% 1 + 'a' %}", 'threw an error during evaluation. T2002:'],
  ['an error of its own', "{% $error('no') %}", 'D3137: no'],
  ['text that is not JSON', "{% $parse('{') %}", 'threw an error during evaluation'],
  ['a range too long', '{% $range(1, 400000, 1) %}', 'memory limit exceeded'],
];

describe('expressions', () => {
  it.each(values)('%s', async (_what, expression, input, expected) => {
    expect(await valueOf(expression, input)).toEqual({ status: 'SUCCEEDED', output: expected });
  });

  it.each(failures)('%s is a QueryEvaluationError', async (_what, expression, cause) => {
    const outcome = await valueOf(expression, { list: [] });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
    expect(outcome.cause).toContain(cause);
  });

  it('evaluates inside objects and arrays and leaves other strings alone', async () => {
    const output = { a: ['{% 1 + 1 %}', 'text', { b: '{% $states.input %}' }], c: 3, d: null };

    expect((await valueOf(output, 'in')).output).toEqual({
      a: [2, 'text', { b: 'in' }],
      c: 3,
      d: null,
    });
  });

  it('names the state, the event and the place of what failed as AWS does', async () => {
    expect((await valueOf({ a: { b: [1, '{% $states.input.no %}'] } })).cause).toBe(
      "An error occurred while executing the state 'State' (entered at the event id #2). The JSONata expression " +
        "'$states.input.no' specified for the field 'Output/a/b[1]' returned nothing (undefined).",
    );
  });

  it('shows the context of execution, state and machine', async () => {
    expect((await valueOf('{% $states.context %}', { n: 1 })).output).toEqual({
      Execution: {
        Id: 'local:machine:test',
        Name: 'test',
        Input: { n: 1 },
        StartTime: '2026-01-01T00:00:00.000Z',
      },
      State: { Name: 'State', EnteredTime: '2026-01-01T00:00:00.000Z', RetryCount: 0 },
      StateMachine: { Id: 'local:machine', Name: 'machine' },
    });
  });

  it('does not let an expression change what it was given', async () => {
    const outcome = await valueOf(
      ['{% $states.input ~> |a|{"x": 2}| %}', '{% $states.input %}'],
      { a: { x: 1 } },
      { chance: fixedChance() },
    );

    expect(outcome.output).toEqual([{ a: { x: 2 } }, { a: { x: 1 } }]);
  });
});
