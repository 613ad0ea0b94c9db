import { readFile } from 'node:fs/promises';
import {
  type Machine,
  MACHINES,
  readDefinition,
  WORKER_STATE_SECONDS,
} from '../../infra/definitions.ts';
import { NO_CONTAINERS } from '../../infra/no-containers.ts';
import { type Definition, parseDefinition } from '../../local/engine/parse-definition.ts';

/** A machine as a stack deploys it. */
export interface DeployedMachine {
  machine: Machine;
  /** `snapbank-backup`. */
  name: string;
  arn: string;
  /** With everything in place of its placeholders, as DescribeStateMachine gives it. */
  text: string;
  definition: Definition;
}

/** The ARN of a function is its name here. */
export async function deployMachines(
  stack: string,
  account: string,
  work: { bucket: string; prefix: string },
): Promise<DeployedMachine[]> {
  return await Promise.all(
    MACHINES.map(async (machine) => {
      const { file, functions } = readDefinition(machine);
      const template = await readFile(file, 'utf8');
      const values: Record<string, string> = {
        ...Object.fromEntries(functions.map((name) => [`${name}FunctionArn`, name])),
        ...NO_CONTAINERS,
        WorkBucket: work.bucket,
        WorkPrefix: work.prefix,
        EventBusName: 'default',
        WorkerTimeoutSeconds: String(WORKER_STATE_SECONDS),
      };
      const name = `${stack}-${machine}`;
      return {
        machine,
        name,
        arn: `${account}:stateMachine:${name}`,
        text: template.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => values[key] ?? ''),
        definition: parseDefinition(template, values),
      };
    }),
  );
}
