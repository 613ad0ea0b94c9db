import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../../local/engine/parse-definition.ts';
import { branch, call, distributed, machine, type States } from './harness.ts';

function problemsOf(text: string, substitutions: Record<string, string> = {}): string[] {
  try {
    parseDefinition(text, substitutions);
    return [];
  } catch (error) {
    expect(error).toMatchObject({ name: 'DefinitionInvalid' });
    return (error as Error).message.split('\n- ').slice(1);
  }
}

const pass = { Type: 'Pass', End: true };
const map = (fields: Record<string, unknown>) => ({
  Type: 'Map',
  ItemProcessor: branch({ I: pass }),
  End: true,
  ...fields,
});
const dmap = (fields: Record<string, unknown>) => ({
  Type: 'Map',
  ItemProcessor: distributed({ I: pass }),
  End: true,
  ...fields,
});

const refused: [string, States, string][] = [
  [
    'an unknown state type',
    { A: { Type: 'Loop', End: true } },
    '/States/A/Type: not a state type that this engine runs',
  ],
  [
    'an unknown field',
    { A: call('f', { HeartbeatSeconds: 5, End: true }) },
    '/States/A: the field HeartbeatSeconds is not supported here',
  ],
  [
    'a field of JSONPath',
    { A: { ...pass, InputPath: '$' } },
    '/States/A: InputPath belongs to JSONPath; this engine runs JSONata only',
  ],
  [
    'a key of JSONPath',
    { A: { ...pass, Output: { 'a.$': '$.b' } } },
    '/States/A/Output/a.$: a key that ends in .$ belongs to JSONPath',
  ],
  [
    'another query language',
    { A: { ...pass, QueryLanguage: 'JSONPath' } },
    '/States/A/QueryLanguage: Invalid input',
  ],
  [
    'a resource that is not in the subset',
    { A: call('f', { Resource: 'arn:aws:states:::sqs:sendMessage', End: true }) },
    '/States/A/Resource: Invalid option',
  ],
  [
    'a callback',
    { A: call('f', { Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken', End: true }) },
    '/States/A/Resource: Invalid option',
  ],
  [
    'an argument that nothing here obeys',
    { A: call('f', { Arguments: { FunctionName: 'f', InvocationType: 'Event' }, End: true }) },
    '/States/A: the argument InvocationType is not supported',
  ],
  [
    'arguments without a function',
    { A: call('f', { Arguments: { Payload: 1 }, End: true }) },
    '/States/A: Arguments lack FunctionName',
  ],
  ['a missing target', { A: { Type: 'Pass', Next: 'B' } }, '/States/A: there is no state B'],
  [
    'a missing target of a catcher',
    { A: call('f', { Catch: [{ ErrorEquals: ['E'], Next: 'B' }], End: true }) },
    '/States/A: there is no state B',
  ],
  [
    'a missing default',
    { A: { Type: 'Choice', Choices: [{ Condition: true, Next: 'C' }], Default: 'B' }, C: pass },
    '/States/A: there is no state B',
  ],
  [
    'a state that nothing leads to',
    { A: pass, B: { Type: 'Pass', Next: 'B' } },
    '/States/B: no state leads here',
  ],
  ['neither Next nor End', { A: { Type: 'Pass' } }, '/States/A: needs either Next or End'],
  [
    'Next and End',
    { A: { Type: 'Pass', Next: 'B', End: true }, B: pass },
    '/States/A: needs either Next or End',
  ],
  [
    'a target outside of a branch',
    {
      P: { Type: 'Parallel', Branches: [branch({ B: { Type: 'Pass', Next: 'A' } })], Next: 'A' },
      A: pass,
    },
    '/States/P/Branches/0/States/B: there is no state A',
  ],
  [
    'a name that is used twice',
    { M: map({ ItemProcessor: branch({ M: pass }) }) },
    '/States/M/ItemProcessor/States/M: the name is used twice in the machine',
  ],
  [
    'two ways to wait',
    { A: { Type: 'Wait', Seconds: 1, Timestamp: '2026-01-01T00:00:00Z', End: true } },
    '/States/A: needs either Seconds or Timestamp',
  ],
  [
    'no way to wait',
    { A: { Type: 'Wait', End: true } },
    '/States/A: needs either Seconds or Timestamp',
  ],
  [
    'a negative wait',
    { A: { Type: 'Wait', Seconds: -1, End: true } },
    '/States/A/Seconds: Too small: expected number to be >=0',
  ],
  [
    'a batcher of an INLINE Map',
    { M: map({ ItemBatcher: { MaxItemsPerBatch: 2 } }) },
    '/States/M: ItemBatcher needs the mode DISTRIBUTED',
  ],
  [
    'a tolerance of an INLINE Map',
    { M: map({ ToleratedFailureCount: 2 }) },
    '/States/M: ToleratedFailureCount needs the mode DISTRIBUTED',
  ],
  [
    'a limit of bytes for batches',
    { M: dmap({ ItemBatcher: { MaxItemsPerBatch: 2, MaxInputBytesPerBatch: 9 } }) },
    '/States/M/ItemBatcher: the field MaxInputBytesPerBatch is not supported here',
  ],
  [
    'a format of items that is not read',
    {
      M: dmap({
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'CSV' },
          Arguments: { Bucket: 'b', Key: 'k' },
        },
      }),
    },
    '/States/M/ItemReader/ReaderConfig/InputType: Invalid option',
  ],
  [
    'items twice',
    {
      M: dmap({
        Items: [],
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Arguments: { Bucket: 'b', Key: 'k' },
        },
      }),
    },
    '/States/M: has both Items and ItemReader',
  ],
  [
    'EXPRESS executions',
    {
      M: map({
        ItemProcessor: {
          ...branch({ I: pass }),
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' },
        },
      }),
    },
    '/States/M/ItemProcessor/ProcessorConfig/ExecutionType: Invalid input: expected "STANDARD"',
  ],
  [
    'States.ALL beside another',
    { A: call('f', { Retry: [{ ErrorEquals: ['States.ALL', 'E'] }], End: true }) },
    '/States/A: States.ALL must stand alone, and last',
  ],
  [
    'States.ALL before others',
    {
      A: call('f', {
        Catch: [
          { ErrorEquals: ['States.ALL'], Next: 'B' },
          { ErrorEquals: ['E'], Next: 'B' },
        ],
        End: true,
      }),
      B: pass,
    },
    '/States/A: States.ALL must stand alone, and last',
  ],
  [
    'a variable of the name states',
    { A: { ...pass, Assign: { states: 1 } } },
    '/States/A: states cannot be the name of a variable',
  ],
  [
    'a name that no variable has',
    { A: { ...pass, Assign: { 'a-b': 1 } } },
    '/States/A: a-b cannot be the name of a variable',
  ],
  [
    'a variable of an outer scope',
    {
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'M' },
      M: map({ ItemProcessor: branch({ I: { ...pass, Assign: { x: 2 } } }) }),
    },
    '/States/M/ItemProcessor/States: the variable x is also assigned in an outer scope, which Step Functions refuses',
  ],
];

const expressions: [string, string, string][] = [
  ['bad syntax', '{% 1 + %}', 'not JSONata:'],
  ['space around an expression', '{% 1 %} ', 'an expression is written'],
  [
    'a field without a variable',
    '{% phone %}',
    "a reference to 'phone' at the top level is not supported",
  ],
  [
    'a field inside a function',
    '{% $map($states.input, function($v) { $v & phone }) %}',
    "a reference to 'phone' at the top level",
  ],
  ['a wildcard at the top', '{% * %}', "a reference to '*' at the top level"],
  ['the context item', '{% $ %}', '$ is not supported at the top level'],
  ['the top of all', '{% $states.input[a = $$.b] %}', '$$ is not supported'],
  ['$eval', "{% $eval('1') %}", '$eval is not supported; write $parse'],
  ['a result where there is none', '{% $states.result %}', '$states.result is not available here'],
  [
    'an error where there is none',
    '{% $states.errorOutput.Error %}',
    '$states.errorOutput is not available here',
  ],
  [
    'a member that $states has not',
    '{% $states.inputs.a %}',
    '$states.inputs is not available here',
  ],
];

describe('a definition', () => {
  it.each(refused)('with %s is refused', (_what, states, problem) => {
    expect(problemsOf(machine(states)).some((found) => found.startsWith(problem))).toBe(true);
  });

  it.each(expressions)('with %s in an expression is refused', (_what, expression, problem) => {
    const found = problemsOf(machine({ A: { ...pass, Output: { a: [expression] } } }));

    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`/States/A/Output/a/0: `);
    expect(found[0]).toContain(problem);
  });

  it.each([
    '{% $states.input.a[b > 1 and $.c].d^(>e){f: g} %}',
    '{% $states.input.list.(a + b) %}',
    '{% ($x := $states.input; $f := function($y) { $y.a }; $f($x).b) %}',
    '{% $states.input ~> $map(function($v, $i) { $v.a }) ~> $sum() %}',
    '{% $states.input ~> |a|{"b": c}| %}',
    '{% $exists($states.context.Map) ? [$states.input.**.a] : {"k": $states.input.%a} %}'.replace(
      '%a',
      'a',
    ),
    '{% $reduce($states.input, function($a, $b) { $a + $b }, 0) %}',
    "{% $states.input@$i.list#$n[$n < 2].{'a': $i.b, 'c': d} %}",
  ])('may say %s', (expression) => {
    expect(problemsOf(machine({ A: { ...pass, Output: expression } }))).toEqual([]);
  });

  it('may use result and error where they are', () => {
    const text = machine({
      A: call('f', {
        Assign: { x: '{% $states.result.Payload %}' },
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            Assign: { y: '{% $states.errorOutput %}' },
            Output: '{% $states.errorOutput.Cause %}',
            Next: 'B',
          },
        ],
        End: true,
      }),
      B: { Type: 'Succeed' },
    });

    expect(problemsOf(text)).toEqual([]);
  });

  it('may use one name for variables of scopes side by side', () => {
    expect(
      problemsOf(
        machine({
          P: {
            Type: 'Parallel',
            Branches: ['A', 'B'].map((name) => branch({ [name]: { ...pass, Assign: { x: 1 } } })),
            End: true,
          },
        }),
      ),
    ).toEqual([]);
  });

  it('must speak JSONata as a whole', () => {
    expect(problemsOf(JSON.stringify({ StartAt: 'A', States: { A: pass } }))).toEqual([
      '/QueryLanguage: must be "JSONata": this engine does not speak JSONPath',
    ]);
  });

  it('must be JSON', () => {
    expect(() => parseDefinition('{')).toThrow('the definition is not JSON');
  });

  it('is told all that is wrong with it at once', () => {
    const text = machine({
      A: { Type: 'Pass', Assign: { states: '{% phone %}' }, Next: 'B' },
      C: pass,
    });

    expect(problemsOf(text)).toHaveLength(4);
  });
});

describe('placeholders', () => {
  const text = machine({ A: call('${ListFunctionArn}', { End: true }) });

  it('are filled in as CDK does, as the text of a JSON string', () => {
    const { machine: parsed } = parseDefinition(text, { ListFunctionArn: 'a"b' });

    expect(parsed.States['A']).toMatchObject({ Arguments: { FunctionName: 'a"b' } });
  });

  it('must all be known', () => {
    expect(problemsOf(text)).toEqual(['${ListFunctionArn} has no substitution']);
  });

  it('belong to what an execution is continued with', () => {
    const digests = ['a', 'b', 'a'].map(
      (name) => parseDefinition(text, { ListFunctionArn: name }).sha256,
    );

    expect(digests[0]).toBe(digests[2]);
    expect(digests[0]).not.toBe(digests[1]);
  });
});
