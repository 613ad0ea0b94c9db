import { DescribeExecutionCommand } from '@aws-sdk/client-sfn';
import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { Json } from '../../local/engine/json.ts';
import { isRefusal } from './sfn-errors.ts';
import { callStepFunctions, type StepFunctions } from './step-functions.ts';

export interface DescribedExecution {
  input: Json;
  startedAt: Date;
  /** Undefined while it runs. */
  ended: { outcome: ExecutionOutcome; stoppedAt: Date } | undefined;
}

/** Undefined where there is no such execution, or no longer: Step Functions forgets after 90 days. */
export async function describeExecution(
  sfn: StepFunctions,
  executionArn: string,
): Promise<DescribedExecution | undefined> {
  try {
    const answer = await callStepFunctions(sfn, 'states:DescribeExecution', (client, options) =>
      client.send(new DescribeExecutionCommand({ executionArn }), options),
    );
    const { status, input = 'null', output, error, cause, startDate = new Date(0) } = answer;
    const isRunning = status === undefined || status === 'RUNNING' || status === 'PENDING_REDRIVE';
    const outcome = isRunning
      ? undefined
      : {
          status,
          ...(output === undefined ? {} : { output: JSON.parse(output) as Json }),
          ...(error === undefined ? {} : { error }),
          ...(cause === undefined ? {} : { cause }),
        };
    return {
      input: JSON.parse(input) as Json,
      startedAt: startDate,
      ended: outcome && { outcome, stoppedAt: answer.stopDate ?? startDate },
    };
  } catch (error) {
    if (isRefusal(error, 'ExecutionDoesNotExist')) return undefined;
    throw error;
  }
}
