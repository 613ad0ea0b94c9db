import { ListStateMachinesCommand } from '@aws-sdk/client-sfn';
import { InvalidInput } from '../../lib/errors.ts';
import { MACHINE_NAMES, type MachineName } from '../../local/machines.ts';
import { isArn, parseMachineArn } from './arn.ts';
import { StateMachineAmbiguous, StateMachineNotFound } from './errors.ts';
import { callStepFunctions, type StepFunctions } from './step-functions.ts';

/** A state machine of ours in AWS. */
export interface RemoteMachine {
  machine: MachineName;
  arn: string;
}

/** A name such as `snapbank-backup` or `snapbank-collect-garbage`. */
interface StackMachine extends RemoteMachine {
  stack: string;
}

const MOST_SHOWN = 20;

/** The machine that an ARN or the name of a stack means. Throws `StateMachineNotFound`, `StateMachineAmbiguous`, `InvalidInput`. */
export async function findMachine(
  sfn: StepFunctions,
  on: string,
  machine: MachineName,
): Promise<RemoteMachine> {
  if (isArn(on)) {
    const { name } = parseMachineArn(on);
    const kind = kindOf(name);
    if (kind !== undefined && kind !== machine) {
      throw new InvalidInput(`${name} is a machine for ${kind}, not for ${machine}.`);
    }
    // As it was given: it may name a version or an alias.
    return { machine, arn: on };
  }
  const found = (await findStack(sfn, on)).find((one) => one.machine === machine);
  if (found !== undefined) return found;
  throw new StateMachineNotFound(`The stack ${on} has no machine for ${machine}.`);
}

/** All machines that an ARN or the name of a stack means; one at least. */
export async function findMachines(sfn: StepFunctions, on: string): Promise<RemoteMachine[]> {
  if (!isArn(on)) return await findStack(sfn, on);
  const { arn, name } = parseMachineArn(on);
  const machine = kindOf(name);
  if (machine !== undefined) return [{ machine, arn }];
  throw new InvalidInput(`${name} is no machine of snapbank: its name ends with none of theirs.`);
}

/** A stack's name, or the beginning of it that fits no other stack. */
async function findStack(sfn: StepFunctions, name: string): Promise<RemoteMachine[]> {
  const all = await listMachines(sfn);
  const exact = all.filter(({ stack }) => stack === name);
  if (exact.length > 0) return exact;
  const stacks = stacksOf(all).filter((stack) => stack.startsWith(name));
  if (stacks.length === 1) return all.filter(({ stack }) => stack === stacks[0]);
  if (stacks.length > 1) {
    throw new StateMachineAmbiguous(
      `${String(stacks.length)} stacks begin with "${name}": ${shown(stacks)}.`,
    );
  }
  throw await notFound(sfn, `No stack is named "${name}"`, all);
}

/** The error for a machine that is not there, which names those that are. */
export async function machineMissing(
  sfn: StepFunctions,
  arn: string,
): Promise<StateMachineNotFound> {
  return await notFound(sfn, `There is no state machine ${arn}`, await listMachines(sfn));
}

async function notFound(
  sfn: StepFunctions,
  what: string,
  all: readonly StackMachine[],
): Promise<StateMachineNotFound> {
  const region = await sfn.client.config.region();
  const stacks = stacksOf(all);
  return new StateMachineNotFound(
    stacks.length === 0
      ? `${what} in ${region}: there are no machines of snapbank in this region of the account.`
      : `${what} in ${region}. There are: ${shown(stacks)}.`,
  );
}

async function listMachines(sfn: StepFunctions): Promise<StackMachine[]> {
  const machines: StackMachine[] = [];
  for (let nextToken: string | undefined; ; ) {
    const page = await callStepFunctions(sfn, 'states:ListStateMachines', (client, options) =>
      client.send(new ListStateMachinesCommand({ maxResults: 1000, nextToken }), options),
    );
    for (const { name = '', stateMachineArn = '' } of page.stateMachines ?? []) {
      const machine = kindOf(name);
      if (machine === undefined) continue;
      machines.push({ machine, arn: stateMachineArn, stack: name.slice(0, -machine.length - 1) });
    }
    nextToken = page.nextToken;
    if (nextToken === undefined) return machines;
  }
}

/** Others name their machines `…-backup` too; a stack of ours has all of them. */
function stacksOf(all: readonly StackMachine[]): string[] {
  const collectors = all.filter(({ machine }) => machine === 'collect-garbage');
  const backups = new Set(
    all.filter(({ machine }) => machine === 'backup').map(({ stack }) => stack),
  );
  return collectors.map(({ stack }) => stack).filter((stack) => backups.has(stack));
}

function kindOf(name: string): MachineName | undefined {
  return MACHINE_NAMES.find((machine) => name.endsWith(`-${machine}`));
}

function shown(names: readonly string[]): string {
  const more = names.length - MOST_SHOWN;
  const some = names.slice(0, MOST_SHOWN).join(', ');
  return more > 0 ? `${some} and ${String(more)} more` : some;
}
