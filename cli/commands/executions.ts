import { InvalidInput } from '../../lib/errors.ts';
import { connectTo } from '../aws/connect-to.ts';
import { findMachines } from '../aws/find-machines.ts';
import { listOnAws } from '../aws/list-on-aws.ts';
import type { CommandContext } from '../context.ts';
import type { ExecutionRow } from '../execution-row.ts';
import { listEmbedded } from '../list-embedded.ts';
import { formatAge, formatDuration } from '../terminal/format.ts';

export interface ExecutionsOptions {
  on?: string;
  limit?: number;
}

const SHOWN_UNLESS_TOLD = 20;

/** `snapbank executions`: what ran here, or with --on in AWS, newest first. */
export async function listExecutions(
  context: CommandContext,
  options: ExecutionsOptions,
): Promise<void> {
  const { output } = context;
  const { on, limit = SHOWN_UNLESS_TOLD } = options;
  if (!Number.isInteger(limit) || limit < 1) {
    throw new InvalidInput('--limit must be a whole number from 1.');
  }
  const rows =
    on === undefined ? await newestHere(context, limit) : await newestOn(context, on, limit);
  for (const row of rows) output.event({ type: 'execution', ...shown(row) });
  output.event({ type: 'summary', executions: rows.length });
  if (rows.length === 0) {
    output.line(
      on === undefined
        ? 'Nothing ran on this computer. With --on STACK executions in AWS are listed.'
        : `Nothing ran on ${on}.`,
    );
    return;
  }
  const now = new Date(context.clock.now());
  output.table<ExecutionRow>(
    [
      { title: 'EXECUTION', text: ({ name }) => name },
      { title: 'MACHINE', text: ({ machine }) => machine, droppable: true },
      {
        title: 'STATUS',
        text: ({ status }) => status,
        format: ({ status }) => COLOURS[status],
      },
      { title: 'STARTED', text: ({ startedAt }) => formatAge(startedAt, now) },
      {
        title: 'TOOK',
        text: ({ startedAt, stoppedAt }) =>
          stoppedAt === null ? '' : formatDuration(stoppedAt.getTime() - startedAt.getTime()),
        align: 'right',
      },
      {
        title: 'OK',
        text: ({ servers }) => counted(servers?.succeeded),
        align: 'right',
        droppable: true,
      },
      {
        title: 'FAILED',
        text: ({ servers }) => counted(servers?.failed),
        align: 'right',
        droppable: true,
      },
      {
        title: 'OF',
        text: ({ servers }) => counted(servers?.total),
        align: 'right',
        droppable: true,
      },
      { title: 'ERROR', text: ({ error }) => error ?? '', shrinkable: true },
    ],
    rows,
  );
}

const COLOURS: Readonly<Record<ExecutionRow['status'], 'green' | 'red' | 'yellow' | undefined>> = {
  SUCCEEDED: 'green',
  FAILED: 'red',
  TIMED_OUT: 'red',
  ABORTED: 'red',
  INTERRUPTED: 'yellow',
  RUNNING: undefined,
};

async function newestHere(
  { stateDirectory }: CommandContext,
  limit: number,
): Promise<ExecutionRow[]> {
  const rows: ExecutionRow[] = [];
  for await (const row of listEmbedded(stateDirectory)) {
    rows.push(row);
    if (rows.length >= limit) break;
  }
  return rows;
}

async function newestOn(
  context: CommandContext,
  on: string,
  limit: number,
): Promise<ExecutionRow[]> {
  const sfn = await connectTo(context, on);
  return await listOnAws(sfn, await findMachines(sfn, on), limit);
}

function shown({ name, machine, arn, status, startedAt, stoppedAt, error, servers }: ExecutionRow) {
  return {
    name,
    machine,
    arn,
    status,
    startedAt: startedAt.toISOString(),
    stoppedAt: stoppedAt?.toISOString() ?? null,
    error,
    servers,
  };
}

function counted(count: number | null | undefined): string {
  return count === null || count === undefined ? '' : String(count);
}
