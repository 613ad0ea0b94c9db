import { readFile } from 'node:fs/promises';
import { type Definition, parseDefinition } from './engine/parse-definition.ts';
import { CONTAINER_STATES } from '../functions/container/run-in-container.ts';
import { STATE_FUNCTION_NAMES } from './state-functions.ts';

/** The state machines, by the names of their files in statemachine/. */
export const MACHINE_NAMES = ['backup', 'restore', 'verify', 'prune', 'collect-garbage'] as const;
export type MachineName = (typeof MACHINE_NAMES)[number];

/** Name by which the embedded engine knows the work place. */
export const WORK_BUCKET = 'work';

/** No function of this process is ended from outside. */
const WORKER_TIMEOUT_SECONDS = 30 * 24 * 3600;

/** Who moves an image that takes a function of Lambda too long: the function all the same, or a container. */
export type LongPasses = 'function' | 'container';

/** The very file that is deployed to Step Functions, with local names in place of ARNs. */
export async function loadMachine(
  machine: MachineName,
  longPasses: LongPasses = 'function',
): Promise<Definition> {
  const file = new URL(`../statemachine/${machine}.asl.json`, import.meta.url);
  return parseDefinition(await readFile(file, 'utf8'), {
    ...Object.fromEntries(STATE_FUNCTION_NAMES.map((name) => [`${name}FunctionArn`, name])),
    ...Object.fromEntries(CONTAINER_STATES.map((name) => [`${name}TaskDefinition`, name])),
    LongPasses: longPasses,
    ContainerCluster: 'local',
    ContainerSubnets: 'local',
    ContainerSecurityGroups: 'local',
    ContainerPublicIp: 'DISABLED',
    WorkBucket: WORK_BUCKET,
    WorkPrefix: '',
    EventBusName: 'local',
    WorkerTimeoutSeconds: String(WORKER_TIMEOUT_SECONDS),
  });
}

/** Functions of this process may run as long as their states. */
export const FUNCTION_TIMEOUT_SECONDS: Readonly<Record<string, number>> = Object.fromEntries(
  STATE_FUNCTION_NAMES.map((name) => [name, WORKER_TIMEOUT_SECONDS]),
);
