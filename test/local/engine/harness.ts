import type {
  ExecutionOutcome,
  LocalFunction,
  RunOptions,
} from '../../../local/engine/execution-options.ts';
import type { HistoryEvent, HistoryStore } from '../../../local/engine/history.ts';
import type { Json } from '../../../local/engine/json.ts';
import type { Chance } from '../../../local/engine/jsonata-functions.ts';
import { type Definition, parseDefinition } from '../../../local/engine/parse-definition.ts';
import { resumeExecution, runExecution } from '../../../local/engine/run-execution.ts';
import { VirtualClock } from '../../virtual-clock.ts';

export type States = Record<string, unknown>;

/** A machine's text: its states, the first one first, and further fields. */
export function machine(states: States, fields: Record<string, unknown> = {}): string {
  const StartAt = Object.keys(states)[0];
  return JSON.stringify({ QueryLanguage: 'JSONata', StartAt, States: states, ...fields });
}

export function branch(states: States): { StartAt: string; States: States } {
  return { StartAt: Object.keys(states)[0] ?? '', States: states };
}

export function distributed(states: States): Record<string, unknown> {
  return {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    ...branch(states),
  };
}

/** A Task that calls the function `name` with the state's input and goes on with what it returned. */
export function call(name: string, fields: Record<string, unknown> = { End: true }) {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: name, Payload: '{% $states.input %}' },
    Output: '{% $states.result.Payload %}',
    ...fields,
  };
}

/** An error as a function throws it. */
export function namedError(name: string, message = `${name} happened`): Error {
  return Object.assign(new Error(message), { name });
}

/** Histories in memory, written as late as those on a disk are. */
export class MemoryHistories implements HistoryStore {
  events: HistoryEvent[];

  constructor(events: readonly HistoryEvent[] = []) {
    this.events = [...events];
  }

  open() {
    return Promise.resolve({
      read: async function* (this: MemoryHistories) {
        await Promise.resolve();
        yield* this.events;
      }.bind(this),
      append: async (event: HistoryEvent) => {
        this.events.push(event);
        await new Promise((resolve) => setImmediate(resolve));
      },
      close: () => Promise.resolve(),
    });
  }
}

/** Chance that always decides alike: numbers from `numbers`, over and over, and counted UUIDs. */
export function fixedChance(numbers: readonly number[] = [0.5]): Chance {
  let drawn = 0;
  let uuids = 0;
  return {
    random: () => numbers[drawn++ % numbers.length] ?? 0,
    uuid: () => `00000000-0000-4000-8000-${String((uuids += 1)).padStart(12, '0')}`,
  };
}

export interface Execution {
  outcome: ExecutionOutcome;
  events: HistoryEvent[];
  clock: VirtualClock;
  histories: MemoryHistories;
}

export type Options = Partial<Omit<RunOptions, 'definition' | 'history' | 'clock'>> & {
  histories?: MemoryHistories;
  clock?: VirtualClock;
};

const definitions = new Map<string, Definition>();

function definitionOf(text: string): Definition {
  const definition = definitions.get(text) ?? parseDefinition(text);
  definitions.set(text, definition);
  return definition;
}

/** Runs a machine in virtual time. */
export async function execute(text: string, options: Options = {}): Promise<Execution> {
  const { histories = new MemoryHistories(), clock = new VirtualClock(), ...given } = options;
  const outcome = await runExecution({
    definition: definitionOf(text),
    stateMachineName: 'machine',
    name: 'test',
    input: {},
    invoke: {},
    chance: fixedChance(),
    ...given,
    history: histories,
    clock,
  });
  return { outcome, events: histories.events, clock, histories };
}

/** Goes on with an execution whose history so far is `events`. */
export async function goOn(
  text: string,
  events: readonly HistoryEvent[],
  options: Options = {},
): Promise<Execution> {
  const { clock = new VirtualClock(), input: _input, histories: _histories, ...given } = options;
  const histories = new MemoryHistories(events);
  const outcome = await resumeExecution({
    definition: definitionOf(text),
    stateMachineName: 'machine',
    name: 'test',
    invoke: {},
    chance: fixedChance(),
    ...given,
    history: histories,
    clock,
  });
  return { outcome, events: histories.events, clock, histories };
}

/** The output of a machine of one Pass state. */
export async function valueOf(
  output: Json,
  input: Json = {},
  options: Options = {},
): Promise<ExecutionOutcome> {
  const text = machine({ State: { Type: 'Pass', Output: output, End: true } });
  return (await execute(text, { input, ...options })).outcome;
}

/** The history as lines `path Type`. */
export function typesOf(events: readonly HistoryEvent[]): string[] {
  return events.map(({ path = [], type }) => [...path, type].join(' '));
}

/** Seconds of virtual time since the start at which the events of a type happened. */
export function secondsOf(
  { events, clock }: Pick<Execution, 'events' | 'clock'>,
  type: HistoryEvent['type'],
): number[] {
  return events
    .filter((event) => event.type === type)
    .map(({ timestamp }) => (Date.parse(timestamp) - clock.startMilliseconds) / 1000);
}

/** A function that fails with the errors in turn and then returns `value`. */
export function failing(errors: readonly Error[], value: Json = 'done'): LocalFunction {
  const left = [...errors];
  return async () => {
    await Promise.resolve();
    const error = left.shift();
    if (error !== undefined) throw error;
    return value;
  };
}
