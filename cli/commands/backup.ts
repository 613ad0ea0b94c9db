import * as z from 'zod';
import { InvalidInput } from '../../lib/errors.ts';
import { BackupSummary, ServerOutcome } from '../../lib/protect/backup-summary.ts';
import { startLostServers, type StoppedServer } from '../../lib/protect/stopped-servers.ts';
import type { Services } from '../../lib/services.ts';
import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import { BackupProgress } from '../backup-progress.ts';
import type { CommandContext } from '../context.ts';
import { machineFailure } from '../machine-failure.ts';
import type { Output } from '../output.ts';
import { parseOutput, parseOutputText } from '../parse-output.ts';
import { planIn } from '../plan-in.ts';
import { remedyOf } from '../remedies.ts';
import { type EndedExecution, type ExecutionOptions, runExecution } from '../run-execution.ts';
import { formatBytes, formatDuration } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';

export interface BackupOptions extends ExecutionOptions {
  server?: string[];
  tag?: string[];
  all?: boolean;
  allProjects?: boolean;
  enableServerSnapshot?: boolean;
  includeVolumes?: boolean;
  stop?: boolean;
  plan?: string;
}

/** `snapbank backup`: runs the backup machine. False when a server failed. */
export async function runBackup(context: CommandContext, options: BackupOptions): Promise<boolean> {
  const ended = await runExecution(context, {
    machine: 'backup',
    input: requestOf(options),
    display: new BackupProgress(context.output),
    options,
    usesCloud: true,
    ...(options.stop === true ? { whenStopped: startStoppedServers } : {}),
  });
  return await showBackup(context, ended);
}

/** Says what became of every server. False when one failed. */
export async function showBackup(
  { output }: CommandContext,
  { name, outcome, elapsedMilliseconds, continuedFrom, readWork }: EndedExecution,
): Promise<boolean> {
  const summary = backupSummaryOf(outcome);
  const bytes = await readWork(summary.outcomesKey);
  const run = { name, summary, elapsedMilliseconds, continuedFrom };
  if (bytes === undefined) showTotals(output, run);
  else show(output, parseOutcomes(bytes), run);
  return summary.failed === 0;
}

/** Nova stops a guest that does not listen after a minute, and only then it can be started. */
const STARTING_MILLISECONDS = 120_000;
const LOOK_AGAIN_MILLISECONDS = 2_000;

/** An interrupted backup leaves no server stopped, whether or not it is continued. */
async function startStoppedServers(services: Services, execution: string): Promise<void> {
  const isOwn = (stopped: StoppedServer) => stopped.execution.endsWith(`:${execution}`);
  const signal = AbortSignal.timeout(STARTING_MILLISECONDS);
  while ((await startLostServers(services, isOwn, signal)).left > 0) {
    await services.clock.sleep(LOOK_AGAIN_MILLISECONDS, signal);
  }
}

/** A `BackupRequest`, as the machine's first state checks it. */
function requestOf(options: BackupOptions): JsonObject {
  const chosen = [options.server, options.tag, options.all].filter(
    (choice) => choice !== undefined,
  );
  if (options.all === true && options.server !== undefined) {
    throw new InvalidInput('--all does not go with --server.');
  }
  if (chosen.length !== 1) {
    throw new InvalidInput(
      'Say which servers to back up: --server NAME (repeatable), --tag TAG, or --all. `snapbank protectables` lists them.',
    );
  }
  return {
    ...(options.server === undefined ? {} : { servers: options.server }),
    ...(options.tag === undefined ? {} : { tags: options.tag }),
    ...(options.all === undefined ? {} : { all: true }),
    ...(options.allProjects === undefined ? {} : { all_projects: true }),
    ...(options.enableServerSnapshot === undefined
      ? {}
      : { enable_server_snapshot: options.enableServerSnapshot }),
    ...(options.includeVolumes === undefined ? {} : { include_volumes: true }),
    ...(options.stop === undefined ? {} : { stop: true }),
    ...(options.plan === undefined ? {} : { plan: planIn(options.plan) }),
  };
}

/** The summary is the output of a run without failures and the cause of one with some. */
export function backupSummaryOf(outcome: ExecutionOutcome): BackupSummary {
  if (outcome.status === 'SUCCEEDED') return parseOutput(BackupSummary, outcome.output);
  if (outcome.error === 'BackupIncomplete') {
    return parseOutputText(BackupSummary, outcome.cause ?? '');
  }
  throw machineFailure(outcome);
}

export function parseOutcomes(bytes: Uint8Array): ServerOutcome[] {
  return parseOutputText(z.array(ServerOutcome), bytes);
}

interface Run {
  name: string;
  summary: BackupSummary;
  elapsedMilliseconds: number;
  continuedFrom: Date | undefined;
}

function show(output: Output, servers: readonly ServerOutcome[], run: Run): void {
  const { name, summary } = run;
  output.event({
    type: 'summary',
    execution: name,
    ...summary,
    ...continuedFields(run),
    servers: servers.map(({ error, ...server }) => ({
      ...server,
      error: error === null ? null : { ...error, remedy: remedyOf(error.name) },
    })),
  });
  if (summary.total === 0) {
    output.warn(
      'snapbank: warning: There is no server in this project and region: nothing was backed up.',
    );
    return;
  }
  output.table<ServerOutcome>(
    [
      { title: 'SERVER', text: (server) => server.name ?? server.id, shrinkable: true },
      { title: 'CHECKPOINT', text: (server) => server.checkpoint ?? '' },
      {
        title: 'STATUS',
        text: (server) => server.status,
        format: ({ status }) => (status === 'failed' ? 'red' : 'green'),
      },
      { title: 'DISK', text: (server) => bytes(server.diskBytes), align: 'right', droppable: true },
      { title: 'READ', text: (server) => bytes(server.readBytes), align: 'right', droppable: true },
      { title: 'NEW', text: (server) => bytes(server.newBytes), align: 'right', droppable: true },
      {
        title: 'STORED',
        text: (server) => bytes(server.storedBytes),
        align: 'right',
        droppable: true,
      },
      {
        title: 'CONSISTENCY',
        text: (server) => server.consistency ?? '',
        shrinkable: true,
        droppable: true,
      },
    ],
    servers,
  );
  for (const note of servers.flatMap((server) => [...notesOn(server)])) {
    for (const line of note.split('\n')) output.line(printable(line));
  }
  totalsLine(output, run);
}

/** What the execution's own output says, where the list of servers cannot be read. */
function showTotals(output: Output, run: Run): void {
  const { failures, failed } = run.summary;
  output.event({
    type: 'summary',
    execution: run.name,
    ...run.summary,
    ...continuedFields(run),
    servers: null,
  });
  for (const { id, name, error } of failures) output.line(printable(`${name ?? id}: ${error}`));
  if (failed > failures.length)
    output.line(`… and ${String(failed - failures.length)} more failed.`);
  totalsLine(output, run);
}

function continuedFields({ continuedFrom }: Run) {
  return continuedFrom === undefined
    ? { continued: false }
    : { continued: true, startedAt: continuedFrom.toISOString() };
}

function totalsLine(output: Output, run: Run): void {
  const { summary, elapsedMilliseconds, continuedFrom } = run;
  output.line(
    `${String(summary.succeeded)} of ${String(summary.total)} backed up in ${formatDuration(elapsedMilliseconds)}: ${formatBytes(summary.readBytes)} read, ${formatBytes(summary.newBytes)} new, ${formatBytes(summary.storedBytes)} stored.`,
  );
  if (continuedFrom !== undefined) {
    const from = continuedFrom.toISOString().slice(0, 19).replace('T', ' ');
    output.line(
      `Continued from ${from} UTC: disks that had their snapshot are of then; begin anew with --execution NEWNAME.`,
    );
  }
}

function bytes(count: number | null): string {
  return count === null ? '' : formatBytes(count);
}

function* notesOn(server: ServerOutcome): Generator<string> {
  const name = server.name ?? server.id;
  if (server.error !== null) {
    yield `${name}: ${server.error.name}: ${server.error.message}`;
    const remedy = remedyOf(server.error.name);
    if (remedy !== undefined) yield `  ${remedy}`;
  }
  if (server.imageKind === 'boot-image') {
    yield `${name}: the boot image was backed up, WITHOUT the data that its users wrote (enable_server_snapshot is false).`;
  }
  if ((server.notCovered ?? 0) > 0) {
    yield `${name}: attached volumes or ephemeral disks (${String(server.notCovered)}) are NOT covered; snapbank show ${server.checkpoint ?? ''} names them.`;
  }
  for (const warning of server.warnings) yield `${name}: warning: ${warning}`;
}
