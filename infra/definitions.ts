import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PROJECT_ROOT = join(import.meta.dirname, '..');

/** The machines that are deployed: `statemachine/<name>.asl.json`. */
export const MACHINES = ['backup', 'restore', 'verify', 'prune', 'collect-garbage'] as const;
export type Machine = (typeof MACHINES)[number];

export interface MachineDefinition {
  readonly machine: Machine;
  readonly file: string;
  /** Names of the Task states that call a function. */
  readonly functions: readonly string[];
  /** Names of the Task states that run a container. */
  readonly containers: readonly string[];
  /** Everything that is substituted when it is deployed. */
  readonly placeholders: readonly string[];
  /** By function: how long its state waits for it. */
  readonly stateSeconds: Readonly<Record<string, number>>;
}

interface State {
  Arguments?: { FunctionName?: string; TaskDefinition?: string };
  TimeoutSeconds?: number | string;
  ItemProcessor?: { States: Record<string, State> };
  Branches?: { States: Record<string, State> }[];
}

/** A worker's state waits this long: a little more than Lambda lets its function run, so that Lambda is the one that reports. */
export const WORKER_STATE_SECONDS = 960;

/** Reads a definition; it is deployed byte for byte. */
export function readDefinition(machine: Machine): MachineDefinition {
  const file = join(PROJECT_ROOT, 'statemachine', `${machine}.asl.json`);
  const text = readFileSync(file, 'utf8');
  const stateSeconds: Record<string, number> = {};
  const containers: string[] = [];
  const { States } = JSON.parse(text) as { States: Record<string, State> };
  for (const state of statesOf(States)) {
    const container = /^\$\{(\w+)TaskDefinition\}$/.exec(
      state.Arguments?.TaskDefinition ?? '',
    )?.[1];
    if (container !== undefined) containers.push(container);
    const name = /^\$\{(\w+)FunctionArn\}$/.exec(state.Arguments?.FunctionName ?? '')?.[1];
    if (name === undefined) continue;
    const seconds = state.TimeoutSeconds;
    stateSeconds[name] = typeof seconds === 'number' ? seconds : WORKER_STATE_SECONDS;
  }
  const placeholders = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  return {
    machine,
    file,
    functions: Object.keys(stateSeconds).sort(),
    containers: containers.sort(),
    placeholders: [...new Set(placeholders)].sort(),
    stateSeconds,
  };
}

function* statesOf(states: Record<string, State>): Generator<State> {
  for (const state of Object.values(states)) {
    yield state;
    if (state.ItemProcessor !== undefined) yield* statesOf(state.ItemProcessor.States);
    for (const branch of state.Branches ?? []) yield* statesOf(branch.States);
  }
}

/** The file in functions/ of a state: CreateServerSnapshot is create-server-snapshot. */
export function fileNameOf(functionName: string): string {
  return functionName.replaceAll(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
}
