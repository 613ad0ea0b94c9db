import { isDeepStrictEqual } from 'node:util';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { ExecutionAlreadyExists } from '../../local/engine/errors.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import type { CommandContext } from '../context.ts';
import { type NamedExecution, nameExecution } from '../name-execution.ts';
import type { EndedExecution, ExecutionRun } from '../run-execution.ts';
import { executionArnOf, parseMachineArn } from './arn.ts';
import { connectTo } from './connect-to.ts';
import { describeExecution } from './describe-execution.ts';
import { findMachine, machineMissing, type RemoteMachine } from './find-machines.ts';
import { isRefusal } from './sfn-errors.ts';
import { callStepFunctions, type StepFunctions } from './step-functions.ts';
import { watchToEnd } from './watch-to-end.ts';

/**
 * How long after its end an execution that was not watched to its end still answers the same words; later they mean a new one, so that
 * a nightly command whose computer was restarted backs up the next night.
 */
const ANSWERED_WITHIN_MILLISECONDS = 15 * 60_000;

/**
 * Starts an execution in AWS and watches it to its end. One that an interrupted command of the same words started is watched, not
 * started again. Throws `WatchInterrupted` when it is not watched any more, and goes on.
 */
export async function runOnAws(
  context: CommandContext,
  run: ExecutionRun & { on: string },
): Promise<EndedExecution> {
  const { machine, input, display, options, on } = run;
  try {
    const sfn = await connectTo(context, on);
    const target = await findMachine(sfn, on, machine);
    const command = { machine, scope: [target.arn], input };
    const execution = await nameExecution(
      context.stateDirectory,
      command,
      options.execution,
      async (name) => await isStillMeant(sfn, executionArnOf(target.arn, name)),
    );
    const arn = await startExecution(sfn, target, execution, input);
    context.output.event({
      type: 'execution',
      name: execution.name,
      continued: execution.continued,
      arn,
    });
    context.output.warn(
      execution.continued
        ? `Watching ${execution.name}, which an earlier command started.`
        : `Watching ${execution.name} in AWS. Ctrl-C ends the watching, not the execution.`,
    );
    const started = { sfn, target, name: execution.name, arn };
    const ended = await watchToEnd(context, started, display, options.watchMinutes);
    await execution.ended();
    return ended;
  } finally {
    display.close();
  }
}

/** Whether the execution that an earlier command of the same words named is the one that they mean now. */
async function isStillMeant(sfn: StepFunctions, executionArn: string): Promise<boolean> {
  const known = await describeExecution(sfn, executionArn);
  // Undefined: the command was interrupted before it had started anything, or it is long ago.
  if (known === undefined) return false;
  const { ended } = known;
  return (
    ended === undefined ||
    sfn.clock.now() - ended.stoppedAt.getTime() < ANSWERED_WITHIN_MILLISECONDS
  );
}

/** Starts it unless it has been started. Throws `ExecutionAlreadyExists` when the name belongs to another input. */
async function startExecution(
  sfn: StepFunctions,
  { arn: stateMachineArn }: RemoteMachine,
  { name }: NamedExecution,
  input: JsonObject,
): Promise<string> {
  const executionArn = executionArnOf(parseMachineArn(stateMachineArn).arn, name);
  try {
    const started = await callStepFunctions(sfn, 'states:StartExecution', (client, options) =>
      client.send(
        new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }),
        options,
      ),
    );
    return started.executionArn ?? executionArn;
  } catch (error) {
    if (isRefusal(error, 'StateMachineDoesNotExist')) {
      throw await machineMissing(sfn, stateMachineArn);
    }
    // Also when the answer to an attempt was lost and the execution has ended since.
    if (!isRefusal(error, 'ExecutionAlreadyExists')) throw error;
  }
  const known = await describeExecution(sfn, executionArn);
  if (isDeepStrictEqual(known?.input, input)) return executionArn;
  throw new ExecutionAlreadyExists(
    `The execution ${name} exists in AWS and had another input; choose another name.`,
    { identifiers: { execution: executionArn } },
  );
}
