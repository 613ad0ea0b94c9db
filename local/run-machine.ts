import type { Clock } from '../lib/clock.ts';
import type { Services } from '../lib/services.ts';
import type { EventEntry, ExecutionOutcome } from './engine/execution-options.ts';
import type { HistoryEvent, HistoryStore } from './engine/history.ts';
import type { Json } from './engine/json.ts';
import { runExecution } from './engine/run-execution.ts';
import {
  FUNCTION_TIMEOUT_SECONDS,
  loadMachine,
  type LongPasses,
  type MachineName,
  WORK_BUCKET,
} from './machines.ts';
import { runContainerTask } from './run-container-task.ts';
import { stateFunctions } from './state-functions.ts';

export interface MachineRun {
  machine: MachineName;
  /** An unfinished execution of this name and input is continued. */
  name: string;
  input: Json;
  services: Services;
  history: HistoryStore;
  signal: AbortSignal;
  /** The engine's, where it is not the functions' clock. */
  clock?: Clock;
  onEvent?: (event: HistoryEvent, recorded: boolean) => void;
  /** Default: functions, which in this process have no limit of time. */
  longPasses?: LongPasses;
  /** What on AWS goes to the event bus. */
  onPublished?: (entry: EventEntry) => void;
}

/** Runs a state machine in this process, with the same definition and the same functions as on AWS. */
export async function runMachine(run: MachineRun): Promise<ExecutionOutcome> {
  const { machine, name, input, services, signal, onEvent, onPublished } = run;
  return await runExecution({
    definition: await loadMachine(machine, run.longPasses),
    stateMachineName: `snapbank-${machine}`,
    name,
    input,
    history: run.history,
    clock: run.clock ?? services.clock,
    invoke: stateFunctions(services),
    functionTimeoutSeconds: FUNCTION_TIMEOUT_SECONDS,
    objects: { [WORK_BUCKET]: services.places.work },
    runTask: async (parameters, { signal }) => await runContainerTask(services, parameters, signal),
    putEvents: async (entries) => {
      for (const entry of entries) onPublished?.(entry);
      await Promise.resolve();
    },
    signal,
    ...(onEvent === undefined ? {} : { onEvent }),
  });
}
