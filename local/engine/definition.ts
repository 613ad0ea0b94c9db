import * as z from 'zod';
import type { Json } from './json.ts';

/** What the embedded engine runs of the Amazon States Language. A field that is not named here is refused, never ignored. */

const EXPRESSION = /^\{%[\s\S]*%\}$/;

const expression = z.string().regex(EXPRESSION, 'must be an expression, "{% … %}"');
/** Any JSON value; strings in it may be expressions. */
const template: z.ZodType<Json> = z.json();
const assign = z.record(z.string(), template);

function orExpression<T extends z.ZodType>(type: T, expected: string) {
  return z.union([type, expression], { error: `must be ${expected} or an expression, "{% … %}"` });
}

const count = orExpression(z.int().min(0), 'a whole number');
const positive = orExpression(z.int().min(1), 'a whole number above 0');
const text = z.string();

const errorEquals = z.array(z.string().min(1)).min(1);

const retrier = z.strictObject({
  Comment: text.exactOptional(),
  ErrorEquals: errorEquals,
  IntervalSeconds: z.int().min(1).exactOptional(),
  MaxAttempts: z.int().min(0).exactOptional(),
  BackoffRate: z.number().min(1).exactOptional(),
  MaxDelaySeconds: z.int().min(1).exactOptional(),
  JitterStrategy: z.enum(['FULL', 'NONE']).exactOptional(),
});

const catcher = z.strictObject({
  Comment: text.exactOptional(),
  ErrorEquals: errorEquals,
  Next: text,
  Assign: assign.exactOptional(),
  Output: template.exactOptional(),
});

const choice = z.strictObject({
  Comment: text.exactOptional(),
  Condition: orExpression(z.boolean(), 'true, false'),
  Next: text,
  Assign: assign.exactOptional(),
  Output: template.exactOptional(),
});

const common = {
  Comment: text.exactOptional(),
  QueryLanguage: z.literal('JSONata').exactOptional(),
};
const output = { Output: template.exactOptional() };
const result = { ...output, Assign: assign.exactOptional() };
/** One of the two, which parse-definition.ts sees to. */
const transition = { Next: text.exactOptional(), End: z.literal(true).exactOptional() };
const errorHandling = {
  Retry: z.array(retrier).exactOptional(),
  Catch: z.array(catcher).exactOptional(),
};

const branch: z.ZodType<Branch> = z.lazy(() =>
  z.strictObject({ Comment: text.exactOptional(), StartAt: text, States: states }),
);

const itemProcessor: z.ZodType<ItemProcessor> = z.lazy(() =>
  z.strictObject({
    Comment: text.exactOptional(),
    ProcessorConfig: z
      .discriminatedUnion('Mode', [
        z.strictObject({ Mode: z.literal('INLINE') }),
        z.strictObject({ Mode: z.literal('DISTRIBUTED'), ExecutionType: z.literal('STANDARD') }),
      ])
      .exactOptional(),
    StartAt: text,
    States: states,
  }),
);

const itemReader = z.strictObject({
  Resource: z.literal('arn:aws:states:::s3:getObject'),
  ReaderConfig: z.strictObject({ InputType: z.enum(['JSON', 'JSONL']) }),
  Arguments: z.strictObject({ Bucket: text, Key: text }),
});

const resultWriter = z.strictObject({
  Resource: z.literal('arn:aws:states:::s3:putObject'),
  Arguments: z.strictObject({ Bucket: text, Prefix: text }),
});

const state = z.discriminatedUnion('Type', [
  z.strictObject({
    Type: z.literal('Task'),
    ...common,
    Resource: z.enum([
      'arn:aws:states:::lambda:invoke',
      'arn:aws:states:::events:putEvents',
      'arn:aws:states:::ecs:runTask.sync',
    ]),
    Arguments: template.exactOptional(),
    TimeoutSeconds: positive.exactOptional(),
    ...result,
    ...errorHandling,
    ...transition,
  }),
  z.strictObject({ Type: z.literal('Pass'), ...common, ...result, ...transition }),
  z.strictObject({
    Type: z.literal('Choice'),
    ...common,
    Choices: z.array(choice).min(1),
    Default: text.exactOptional(),
    ...result,
  }),
  z.strictObject({
    Type: z.literal('Wait'),
    ...common,
    Seconds: count.exactOptional(),
    Timestamp: text.exactOptional(),
    ...result,
    ...transition,
  }),
  z.strictObject({ Type: z.literal('Succeed'), ...common, ...output }),
  z.strictObject({
    Type: z.literal('Fail'),
    ...common,
    Error: text.exactOptional(),
    Cause: text.exactOptional(),
  }),
  z.strictObject({
    Type: z.literal('Parallel'),
    ...common,
    Branches: z.array(branch).min(1),
    Arguments: template.exactOptional(),
    ...result,
    ...errorHandling,
    ...transition,
  }),
  z.strictObject({
    Type: z.literal('Map'),
    ...common,
    Label: z.string().min(1).max(40).exactOptional(),
    Items: orExpression(z.array(template), 'an array').exactOptional(),
    ItemReader: itemReader.exactOptional(),
    ItemSelector: template.exactOptional(),
    ItemBatcher: z
      .strictObject({ MaxItemsPerBatch: positive, BatchInput: template.exactOptional() })
      .exactOptional(),
    ItemProcessor: itemProcessor,
    MaxConcurrency: count.exactOptional(),
    ToleratedFailureCount: count.exactOptional(),
    ToleratedFailurePercentage: orExpression(
      z.number().min(0).max(100),
      'a number from 0 to 100',
    ).exactOptional(),
    ResultWriter: resultWriter.exactOptional(),
    ...result,
    ...errorHandling,
    ...transition,
  }),
]);

const states: z.ZodType<Readonly<Record<string, State>>> = z.record(
  z.string().min(1).max(80),
  state,
);

export const stateMachine = z.strictObject({
  Comment: text.exactOptional(),
  QueryLanguage: z.literal('JSONata', {
    error: 'must be "JSONata": this engine does not speak JSONPath',
  }),
  Version: z.literal('1.0').exactOptional(),
  TimeoutSeconds: z.int().min(1).exactOptional(),
  StartAt: text,
  States: states,
});

export type State = z.infer<typeof state>;
export type StateType = State['Type'];
export type TaskState = Extract<State, { Type: 'Task' }>;
export type MapState = Extract<State, { Type: 'Map' }>;
export type ParallelState = Extract<State, { Type: 'Parallel' }>;
export type ChoiceState = Extract<State, { Type: 'Choice' }>;
export type WaitState = Extract<State, { Type: 'Wait' }>;
export type Retrier = z.infer<typeof retrier>;
export type StateMachine = z.infer<typeof stateMachine>;

/** States with an entry: a Parallel's branch, and what a machine and an item processor are, too. */
export interface Branch {
  Comment?: string;
  StartAt: string;
  States: Readonly<Record<string, State>>;
}

export interface ItemProcessor extends Branch {
  ProcessorConfig?: { Mode: 'INLINE' } | { Mode: 'DISTRIBUTED'; ExecutionType: 'STANDARD' };
}

export function isDistributed(map: MapState): boolean {
  return map.ItemProcessor.ProcessorConfig?.Mode === 'DISTRIBUTED';
}

/** The JSONata source in an expression, or undefined for any other string. */
export function expressionSource(value: string): string | undefined {
  return EXPRESSION.test(value) ? value.slice(2, -2).trim() : undefined;
}
