import {
  DescribeMapRunCommand,
  type ExecutionListItem,
  type ExecutionStatus,
  ListExecutionsCommand,
  ListMapRunsCommand,
} from '@aws-sdk/client-sfn';
import { type ExecutionRow, type ServerCounts, serverCountsOf } from '../execution-row.ts';
import { describeExecution } from './describe-execution.ts';
import { AwsPermissionMissing } from './errors.ts';
import type { RemoteMachine } from './find-machines.ts';
import { FOLLOWED_MAP, labelOf } from './map-bytes.ts';
import { callStepFunctions, type StepFunctions } from './step-functions.ts';

/** Executions of the machines, newest first, `limit` at most. */
export async function listOnAws(
  sfn: StepFunctions,
  machines: readonly RemoteMachine[],
  limit: number,
): Promise<ExecutionRow[]> {
  const listed: { item: ExecutionListItem; machine: RemoteMachine['machine'] }[] = [];
  for (const { arn, machine } of machines) {
    let left = limit;
    for await (const item of executionsOf(sfn, arn)) {
      listed.push({ item, machine });
      left -= 1;
      if (left <= 0) break;
    }
  }
  listed.sort((one, other) => startedAt(other.item) - startedAt(one.item));
  const rows: ExecutionRow[] = [];
  for (const { item, machine } of listed.slice(0, limit)) {
    const { error, servers } = await detailsOf(sfn, item, machine);
    rows.push({
      name: item.name ?? '',
      machine,
      arn: item.executionArn ?? null,
      status: statusOf(item),
      startedAt: item.startDate ?? new Date(0),
      stoppedAt: item.stopDate ?? null,
      error,
      servers,
    });
  }
  return rows;
}

/** Newest first; those with one status only, where it is given. */
export async function* executionsOf(
  sfn: StepFunctions,
  stateMachineArn: string,
  statusFilter?: ExecutionStatus,
): AsyncGenerator<ExecutionListItem> {
  for (let nextToken: string | undefined; ; ) {
    const page = await callStepFunctions(sfn, 'states:ListExecutions', (client, options) =>
      client.send(
        new ListExecutionsCommand({ stateMachineArn, maxResults: 100, statusFilter, nextToken }),
        options,
      ),
    );
    yield* page.executions ?? [];
    nextToken = page.nextToken;
    if (nextToken === undefined) return;
  }
}

async function detailsOf(
  sfn: StepFunctions,
  { executionArn = '', status, stopDate }: ExecutionListItem,
  machine: RemoteMachine['machine'],
): Promise<{ error: string | null; servers: ServerCounts | null }> {
  const isBackup = machine === 'backup';
  const hasSummary = stopDate !== undefined && (isBackup || status !== 'SUCCEEDED');
  const outcome = hasSummary
    ? (await describeExecution(sfn, executionArn))?.ended?.outcome
    : undefined;
  const counts = isBackup && outcome !== undefined ? serverCountsOf(outcome) : null;
  return {
    error: outcome?.error ?? null,
    servers: counts ?? (isBackup ? await countChildren(sfn, executionArn) : null),
  };
}

function startedAt({ startDate }: ExecutionListItem): number {
  return startDate?.getTime() ?? 0;
}

function statusOf({ status }: ExecutionListItem): ExecutionRow['status'] {
  return status === undefined || status === 'PENDING_REDRIVE' ? 'RUNNING' : status;
}

/** From the counts of the Map over servers. */
async function countChildren(
  sfn: StepFunctions,
  executionArn: string,
): Promise<ServerCounts | null> {
  try {
    const { mapRuns = [] } = await callStepFunctions(sfn, 'states:ListMapRuns', (client, options) =>
      client.send(new ListMapRunsCommand({ executionArn }), options),
    );
    const arns = mapRuns.map((run) => run.mapRunArn ?? '');
    const mapRunArn = arns.find((arn) => labelOf(arn) === FOLLOWED_MAP);
    if (mapRunArn === undefined) return null;
    const { itemCounts } = await callStepFunctions(
      sfn,
      'states:DescribeMapRun',
      (client, options) => client.send(new DescribeMapRunCommand({ mapRunArn }), options),
    );
    if (itemCounts === undefined) return null;
    const { total = 0, succeeded = 0, failed = 0, timedOut = 0, aborted = 0 } = itemCounts;
    return { total, succeeded, failed: failed + timedOut + aborted };
  } catch (error) {
    if (error instanceof AwsPermissionMissing) return null;
    throw error;
  }
}
