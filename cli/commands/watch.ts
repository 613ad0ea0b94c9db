import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import type { MachineName } from '../../local/machines.ts';
import { describeExecution } from '../aws/describe-execution.ts';
import { findExecution } from '../aws/find-execution.ts';
import { callStepFunctions } from '../aws/step-functions.ts';
import { watchToEnd } from '../aws/watch-to-end.ts';
import { BackupProgress } from '../backup-progress.ts';
import { CollectProgress } from '../collect-progress.ts';
import type { CommandContext } from '../context.ts';
import { type ExecutionDisplay, noDisplay } from '../execution-display.ts';
import type { Output } from '../output.ts';
import { RestoreProgress } from '../restore-progress.ts';
import type { EndedExecution } from '../run-execution.ts';
import { VerifyProgress } from '../verify-progress.ts';
import { showBackup } from './backup.ts';
import { showCollection } from './collect-garbage.ts';
import { showPrune } from './prune.ts';
import { showRestore } from './restore.ts';
import { showVerification } from './verify.ts';

type Show = (context: CommandContext, ended: EndedExecution) => Promise<boolean | void> | void;

const SHOWS: Readonly<Record<MachineName, Show>> = {
  backup: showBackup,
  restore: showRestore,
  verify: showVerification,
  prune: showPrune,
  'collect-garbage': showCollection,
};

/** `snapbank watch`: the progress and the summary of an execution in AWS, whoever started it. */
export async function watch(
  context: CommandContext,
  execution: string,
  options: { on?: string; watchMinutes?: number },
): Promise<boolean | void> {
  const { output } = context;
  const found = await findExecution(context, execution, options.on);
  const { name, arn, target } = found;
  output.event({ type: 'execution', name, continued: true, arn });
  const display = displayOf(output, target.machine, name);
  try {
    const ended = await watchToEnd(context, found, display, options.watchMinutes);
    return await SHOWS[target.machine](context, ended);
  } finally {
    display.close();
  }
}

function displayOf(output: Output, machine: MachineName, name: string): ExecutionDisplay {
  if (machine === 'backup') return new BackupProgress(output);
  if (machine === 'restore') return new RestoreProgress(output, name);
  if (machine === 'verify') return new VerifyProgress(output, name);
  if (machine === 'collect-garbage') return new CollectProgress(output);
  return noDisplay;
}

/** `snapbank stop`: ends an execution in AWS before its time. */
export async function stop(
  context: CommandContext,
  execution: string,
  options: { on?: string },
): Promise<void> {
  const { output } = context;
  const { sfn, name, arn } = await findExecution(context, execution, options.on);
  const before = (await describeExecution(sfn, arn))?.ended;
  if (before === undefined) {
    await callStepFunctions(sfn, 'states:StopExecution', (client, callOptions) =>
      client.send(
        new StopExecutionCommand({
          executionArn: arn,
          error: 'Stopped',
          cause: 'By snapbank stop.',
        }),
        callOptions,
      ),
    );
  }
  const status = before?.outcome.status ?? 'ABORTED';
  output.event({ type: 'summary', execution: name, arn, status, stopped: before === undefined });
  if (before !== undefined) {
    output.line(`${name} had ended already: ${status}.`);
    return;
  }
  output.line(
    `${name} is stopped. Snapshots and uploads that it left are swept away by themselves.`,
  );
}
