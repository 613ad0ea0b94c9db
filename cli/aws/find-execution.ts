import { InvalidInput } from '../../lib/errors.ts';
import { ExecutionDoesNotExist } from '../../local/engine/errors.ts';
import type { CommandContext } from '../context.ts';
import { executionArnOf, isArn, parseExecutionArn, parseMachineArn } from './arn.ts';
import { connectTo } from './connect-to.ts';
import { describeExecution } from './describe-execution.ts';
import { findMachines, type RemoteMachine } from './find-machines.ts';
import type { StepFunctions } from './step-functions.ts';

/** An execution in AWS, and how it is reached. */
export interface RemoteExecution {
  sfn: StepFunctions;
  target: RemoteMachine;
  name: string;
  arn: string;
}

/** The execution that an ARN means, or a name together with `--on`. Throws `ExecutionDoesNotExist`, `InvalidInput`. */
export async function findExecution(
  context: CommandContext,
  execution: string,
  on: string | undefined,
): Promise<RemoteExecution> {
  if (isArn(execution)) {
    const { machineArn, name } = parseExecutionArn(execution);
    const sfn = await connectTo(context, machineArn);
    const [target] = await findMachines(sfn, machineArn);
    if (target !== undefined && (await describeExecution(sfn, execution)) !== undefined) {
      return { sfn, target, name, arn: execution };
    }
    throw new ExecutionDoesNotExist(`There is no execution ${execution} in AWS.`);
  }
  if (on === undefined) {
    throw new InvalidInput('Say where the execution is: --on STACK, or give its ARN.');
  }
  const sfn = await connectTo(context, on);
  const machines = await findMachines(sfn, on);
  // Commands name an execution after its machine; events and schedules start backups, which come first.
  const named = machines.toSorted(
    (one, other) => rankOf(one, execution) - rankOf(other, execution),
  );
  for (const target of named) {
    const arn = executionArnOf(parseMachineArn(target.arn).arn, execution);
    if ((await describeExecution(sfn, arn)) !== undefined) {
      return { sfn, target, name: execution, arn };
    }
  }
  throw new ExecutionDoesNotExist(
    `There is no execution ${execution} on ${on}. \`snapbank executions --on ${on}\` lists them.`,
  );
}

function rankOf({ machine }: RemoteMachine, execution: string): number {
  return execution.startsWith(`${machine}-`) ? 0 : 1;
}
