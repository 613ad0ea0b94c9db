import { CheckpointNotFound } from '../../lib/bank/register/errors.ts';
import { listCheckpoints } from '../../lib/bank/register/list-checkpoints.ts';
import type { CheckpointRecord } from '../../lib/bank/register/record.ts';
import { type CheckpointSummary, openSummary } from '../../lib/protect/summary.ts';
import type { CommandContext } from '../context.ts';
import { planColumn } from '../plan-column.ts';
import { formatAge, formatBytes } from '../terminal/format.ts';

interface Row {
  record: CheckpointRecord;
  summary: CheckpointSummary | null;
  plan: string | null;
}

/** `snapbank checkpoints`: newest first. Needs the bank alone, no cloud. */
export async function listCheckpointsCommand(
  context: CommandContext,
  options: { server?: string; plan?: string },
): Promise<void> {
  const { output, signal } = context;
  const services = await context.services();
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const rows: Row[] = [];
  for await (const record of listCheckpoints(register, { signal })) {
    const { server, summary } = record;
    const opened = summary === undefined ? null : await openSummary(bank, server, summary);
    const names = [server.serverId, opened?.serverName];
    const plan = opened?.plan ?? null;
    if (options.server !== undefined && !names.includes(options.server)) continue;
    if (options.plan === undefined || plan === options.plan) {
      rows.push({ record, summary: opened, plan });
    }
  }
  if (rows.length === 0 && (options.server !== undefined || options.plan !== undefined)) {
    const of = [
      ...(options.server === undefined ? [] : [`of server ${options.server}`]),
      ...(options.plan === undefined ? [] : [`of plan ${options.plan}`]),
    ];
    throw new CheckpointNotFound(`There is no checkpoint ${of.join(', ')}.`);
  }
  rows.sort((a, b) => b.record.createdAt.localeCompare(a.record.createdAt));
  for (const { record, summary } of rows)
    output.event({ type: 'checkpoint', ...shown(record, summary) });
  output.event({ type: 'summary', checkpoints: rows.length });
  if (rows.length === 0) {
    output.line('There is no checkpoint. Make one: snapbank backup --server NAME');
    return;
  }
  const now = new Date();
  output.table<Row>(
    [
      { title: 'CHECKPOINT', text: ({ record }) => record.checkpoint },
      {
        title: 'SERVER',
        text: ({ summary, record }) => summary?.serverName ?? record.server.serverId,
        shrinkable: true,
      },
      ...planColumn(rows),
      { title: 'CREATED', text: ({ record }) => formatAge(new Date(record.createdAt), now) },
      { title: 'STATE', text: ({ record }) => record.state },
      {
        title: 'CONSISTENCY',
        text: ({ summary }) => summary?.done?.consistency ?? '',
        shrinkable: true,
        droppable: true,
      },
      {
        title: 'DISK',
        text: ({ summary }) => bytes(summary?.done?.diskBytes),
        align: 'right',
        droppable: true,
      },
      {
        title: 'NEW',
        text: ({ summary }) => bytes(summary?.done?.stats.newBytes),
        align: 'right',
        droppable: true,
      },
      {
        title: 'STORED',
        text: ({ summary }) => bytes(summary?.done?.stats.storedBytes),
        align: 'right',
        droppable: true,
      },
      { title: 'LAST PROVEN', text: ({ record }) => provenText(record, now) },
    ],
    rows,
  );
}

/** A checkpoint as an event. */
export function shown(record: CheckpointRecord, summary: CheckpointSummary | null) {
  const { checkpoint, state, createdAt, server } = record;
  return {
    checkpoint,
    state,
    createdAt,
    server,
    serverName: summary?.serverName ?? null,
    plan: summary?.plan ?? null,
    execution: record.execution.id,
    lastProven: 'lastProven' in record ? (record.lastProven?.at ?? null) : null,
    lockedUntil: 'lockedUntil' in record ? (record.lockedUntil ?? null) : null,
    ...summary?.done,
  };
}

function bytes(count: number | undefined): string {
  return count === undefined ? '' : formatBytes(count);
}

function provenText(record: CheckpointRecord, now: Date): string {
  const proven = 'lastProven' in record ? record.lastProven : undefined;
  return proven === undefined ? 'never' : formatAge(new Date(proven.at), now);
}
