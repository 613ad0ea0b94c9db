import * as fc from 'fast-check';
import { branch, distributed, machine, type States } from './harness.ts';

/** A machine in short: what its states do, one after the other. */
export type Step =
  | { do: 'task'; failures: number }
  | { do: 'caught'; failures: number }
  | { do: 'wait'; seconds: number }
  | { do: 'count' }
  | { do: 'parallel'; branches: Step[][] }
  | { do: 'map'; items: number; atOnce: number; body: Step[] }
  | { do: 'distributed'; items: number; atOnce: number; batch: number; body: Step[] };

/**
 * The machine of a program. Its tasks call the function `work` with a payload that no other call of the execution has, and which
 * tells the function whether to fail: a task fails `failures` times. Where a task is `caught`, it is never tried again.
 */
export function machineOf(program: readonly Step[]): string {
  let count = 0;
  const lineOf = (steps: readonly Step[]): States => {
    const names = steps.map((step) => `${step.do}${(count += 1)}`);
    const states = steps.map((step, index): States => {
      const name = names[index] ?? '';
      const next = names[index + 1];
      return statesOf(step, name, next === undefined ? { End: true } : { Next: next }, inside);
    });
    return Object.assign({}, ...states) as States;
  };
  const inside = (steps: readonly Step[]): States => {
    const enter = `Enter${(count += 1)}`;
    const states = lineOf(steps);
    const [first] = Object.keys(states);
    const goOn = first === undefined ? { End: true } : { Next: first };
    return { [enter]: { Type: 'Pass', Assign: { [`v${enter}`]: 1 }, ...goOn }, ...states };
  };
  return machine(lineOf(program));
}

function statesOf(
  step: Step,
  name: string,
  goOn: Record<string, unknown>,
  inside: (steps: readonly Step[]) => States,
): States {
  const end = `${name}End`;
  switch (step.do) {
    case 'task':
      return {
        [name]: {
          ...task(name, step),
          Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 9 }],
          ...goOn,
        },
      };
    case 'caught': {
      const Output = '{% [$states.input, $states.errorOutput.Error] %}';
      const Catch = [{ ErrorEquals: ['Busy'], Output, Next: end }];
      return {
        [name]: { ...task(name, step), Catch, Next: end },
        [end]: { Type: 'Pass', ...goOn },
      };
    }
    case 'wait':
      return { [name]: { Type: 'Wait', Seconds: step.seconds, ...goOn } };
    case 'count': {
      const choose = `${name}Choose`;
      const Choices = [
        { Condition: `{% $${name} > 0 %}`, Output: { chosen: `{% $${name} %}` }, Next: end },
      ];
      return {
        [name]: { Type: 'Pass', Assign: { [name]: '{% $count($states.input) %}' }, Next: choose },
        [choose]: { Type: 'Choice', Choices, Default: end },
        [end]: { Type: 'Pass', Output: `{% [$states.input, $${name}] %}`, ...goOn },
      };
    }
    case 'parallel':
      return {
        [name]: {
          Type: 'Parallel',
          Branches: step.branches.map((steps) => branch(inside(steps))),
          ...goOn,
        },
      };
    case 'map':
      return { [name]: { ...map(step), ItemProcessor: branch(inside(step.body)), ...goOn } };
    case 'distributed': {
      const batcher = step.batch > 1 ? { ItemBatcher: { MaxItemsPerBatch: step.batch } } : {};
      return {
        [name]: {
          ...map(step),
          ...batcher,
          ItemProcessor: distributed(inside(step.body)),
          ...goOn,
        },
      };
    }
    default:
      throw new Error('no such step');
  }
}

function task(name: string, { failures }: { failures: number }): Record<string, unknown> {
  const Payload = {
    who: `{% '${name}' & $string($states.input) & $states.context.Execution.Name %}`,
    fail: `{% $states.context.State.RetryCount < ${failures} %}`,
    attempt: '{% $states.context.State.RetryCount %}',
  };
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: 'work', Payload },
    Output: '{% [$states.input, $states.result.Payload] %}',
  };
}

function map({ items, atOnce }: { items: number; atOnce: number }): Record<string, unknown> {
  return {
    Type: 'Map',
    Items: `{% [1..${items}] %}`,
    ItemSelector: '{% [$states.input, $states.context.Map.Item.Value] %}',
    MaxConcurrency: atOnce,
  };
}

const leaf: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('task' as const), failures: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ do: fc.constant('caught' as const), failures: fc.integer({ min: 0, max: 1 }) }),
  fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ do: fc.constant('count' as const) }),
);

const { body } = fc.letrec<{ step: Step; body: Step[] }>((tie) => ({
  body: fc.array(tie('step'), { minLength: 0, maxLength: 3 }),
  step: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({
      do: fc.constant('parallel' as const),
      branches: fc.array(tie('body'), { minLength: 1, maxLength: 2 }),
    }),
    fc.record({
      do: fc.constant('map' as const),
      items: fc.integer({ min: 1, max: 3 }),
      atOnce: fc.integer({ min: 0, max: 2 }),
      body: tie('body'),
    }),
    fc.record({
      do: fc.constant('distributed' as const),
      items: fc.integer({ min: 1, max: 3 }),
      atOnce: fc.integer({ min: 0, max: 2 }),
      batch: fc.integer({ min: 1, max: 2 }),
      body: tie('body'),
    }),
  ),
}));

/** Programs of at least one step. */
export const programs: fc.Arbitrary<Step[]> = fc
  .tuple(leaf, body)
  .map(([first, rest]) => [first, ...rest]);
