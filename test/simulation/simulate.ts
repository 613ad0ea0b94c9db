import { readFile } from 'node:fs/promises';
import { NO_CONTAINERS } from '../../infra/no-containers.ts';
import { readDefinition, WORKER_STATE_SECONDS } from '../../infra/definitions.ts';
import { functionSeconds, memoryMiBOf } from '../../infra/function-limits.ts';
import { silentHistory } from './silent-history.ts';
import { parseDefinition } from '../../local/engine/parse-definition.ts';
import { runExecution } from '../../local/engine/run-execution.ts';
import { memoryStore } from '../lib/bank/store/memory-store.ts';
import { VirtualClock } from '../virtual-clock.ts';
import type { Scenario } from './scenario.ts';
import { stubFunctions } from './stub-functions.ts';
import { Tally } from './tally.ts';

export interface Simulated {
  scenario: Scenario;
  tally: Tally;
  status: string;
  error: string | undefined;
  /** By the clock of the simulation. */
  seconds: number;
  storedBytes: number;
  /** Of the largest object that is put together in parts. */
  parts: number;
}

/**
 * Runs a deployed definition on the embedded engine, which enforces what AWS does (256 KiB of payload, 25,000 events an execution, the
 * time of each function), on a clock that does not wait.
 */
export async function simulate(scenario: Scenario): Promise<Simulated> {
  const clock = new VirtualClock();
  const tally = new Tally();
  const work = memoryStore({ clock });
  const { file, functions, stateSeconds } = readDefinition(scenario.machine);
  const all = stubFunctions({
    scenario,
    clock,
    work,
    tally,
    memoryGiBOf: (name) => memoryMiBOf(name) / 1024,
  });
  let parts = 0;
  const outcome = await runExecution({
    definition: parseDefinition(await readFile(file, 'utf8'), {
      ...Object.fromEntries(functions.map((name) => [`${name}FunctionArn`, name])),
      ...NO_CONTAINERS,
      WorkBucket: 'work',
      WorkPrefix: '',
      EventBusName: 'default',
      WorkerTimeoutSeconds: String(WORKER_STATE_SECONDS),
    }),
    stateMachineName: `snapbank-${scenario.machine}`,
    name: 'simulation',
    input: scenario.machine === 'backup' ? {} : { checkpoint: 'web-1@latest', check: true },
    history: silentHistory,
    clock,
    invoke: Object.fromEntries(functions.map((name) => [name, all[name] ?? unexpected(name)])),
    functionTimeoutSeconds: Object.fromEntries(
      functions.map((name) => [name, functionSeconds(stateSeconds[name] ?? 0)]),
    ),
    objects: { work },
    runTask: unexpected('A container'),
    putEvents: async () => {},
    onEvent: (event) => {
      tally.follow(event);
      if (event.type !== 'TaskSucceeded') return;
      const count = /"partCount":(\d+)/.exec(event.taskSucceededEventDetails.output)?.[1];
      if (count !== undefined) parts = Number(count);
    },
  });
  const { storedBytes } = (outcome.output ?? {}) as { storedBytes?: number };
  return {
    scenario,
    tally,
    status: outcome.status,
    error: outcome.error,
    seconds: clock.elapsedMilliseconds / 1000,
    storedBytes: storedBytes ?? 0,
    parts,
  };
}

/** On the ways that a run without faults does not take. */
function unexpected(name: string) {
  return () => Promise.reject(new Error(`${name} is not part of the simulation.`));
}
