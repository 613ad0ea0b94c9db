import * as z from 'zod';
import { InvalidInput } from '../../lib/errors.ts';
import { KeepRules } from '../../lib/prune/keep-rules.ts';
import { periodNames } from '../../lib/prune/periods.ts';
import { PrunePlan, PruneSummary, ServerDecisions } from '../../lib/prune/plan.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import type { CommandContext } from '../context.ts';
import { noDisplay } from '../execution-display.ts';
import { machineFailure } from '../machine-failure.ts';
import type { Output } from '../output.ts';
import { parseOutput, parseOutputText } from '../parse-output.ts';
import { planColumn } from '../plan-column.ts';
import { planIn } from '../plan-in.ts';
import { type EndedExecution, type ExecutionOptions, runExecution } from '../run-execution.ts';
import { formatAge } from '../terminal/format.ts';

export interface PruneOptions extends ExecutionOptions {
  keepLast?: number;
  keepHourly?: number;
  keepDaily?: number;
  keepWeekly?: number;
  keepMonthly?: number;
  keepYearly?: number;
  keepWithin?: string;
  server?: string[];
  plan?: string;
  timeZone?: string;
  dryRun?: boolean;
}

/** `snapbank prune`: takes checkpoints out that no rule keeps. Needs the bank alone, no cloud. */
export async function runPrune(context: CommandContext, options: PruneOptions): Promise<void> {
  const ended = await runExecution(context, {
    machine: 'prune',
    input: requestOf(options),
    display: noDisplay,
    options,
    usesCloud: false,
  });
  await showPrune(context, ended);
}

/** Says what was decided about each checkpoint, and what was done. */
export async function showPrune(
  { output }: CommandContext,
  { name, outcome, readWork }: EndedExecution,
): Promise<void> {
  if (outcome.status !== 'SUCCEEDED') throw machineFailure(outcome);
  const pruned = PruneSummary.safeParse(outcome.output);
  const summary = pruned.success ? pruned.data : parseOutput(PrunePlan, outcome.output);
  const bytes = await readWork(summary.decisionsKey);
  const servers = bytes === undefined ? null : parseOutputText(z.array(ServerDecisions), bytes);
  output.event({ type: 'summary', execution: name, ...summary, decisions: servers });
  if (servers !== null) {
    show(output, servers);
    showLocks(output, servers);
  }
  if (summary.dryRun) {
    output.line(
      `${counted(summary.pruned)} would go, ${counted(summary.kept)} would stay. Nothing was changed (--dry-run).`,
    );
    return;
  }
  output.line(`${counted(summary.pruned)} taken out, ${counted(summary.kept)} kept.`);
  if (pruned.success && pruned.data.spared > 0) {
    output.line(
      `${counted(pruned.data.spared)} of the table stayed after all: their server's checkpoints changed meanwhile.`,
    );
  }
  if (summary.pruned > 0) {
    output.line(
      'Until snapbank collect-garbage removes them, snapbank undelete CHECKPOINT brings them back.',
    );
  }
}

/** A `PruneRequest`, as the machine's first state checks it. */
function requestOf(options: PruneOptions): JsonObject {
  const keep: JsonObject = {
    ...(options.keepLast === undefined ? {} : { last: options.keepLast }),
    ...(options.keepHourly === undefined ? {} : { hourly: options.keepHourly }),
    ...(options.keepDaily === undefined ? {} : { daily: options.keepDaily }),
    ...(options.keepWeekly === undefined ? {} : { weekly: options.keepWeekly }),
    ...(options.keepMonthly === undefined ? {} : { monthly: options.keepMonthly }),
    ...(options.keepYearly === undefined ? {} : { yearly: options.keepYearly }),
    ...(options.keepWithin === undefined ? {} : { within: options.keepWithin }),
  };
  const { keepWithin } = options;
  if (keepWithin !== undefined && !KeepRules.shape.within.safeParse(keepWithin).success) {
    throw new InvalidInput(
      `--keep-within is "${keepWithin}"; give a span such as 30d, 1y6m or 48h.`,
    );
  }
  if (options.timeZone !== undefined) periodNames(options.timeZone);
  if (Object.keys(keep).length === 0) {
    throw new InvalidInput(
      'Say what is kept, for example --keep-daily 7 --keep-weekly 5 --keep-monthly 12; without a rule nothing is pruned.',
    );
  }
  return {
    keep,
    ...(options.server === undefined ? {} : { servers: options.server }),
    ...(options.plan === undefined ? {} : { plan: planIn(options.plan) }),
    ...(options.timeZone === undefined ? {} : { time_zone: options.timeZone }),
    ...(options.dryRun === undefined ? {} : { dry_run: options.dryRun }),
  };
}

function show(output: Output, servers: readonly ServerDecisions[]): void {
  const now = new Date();
  const rows = servers.flatMap(({ server, serverName, plan, decisions }) =>
    decisions.map((decision) => ({ ...decision, plan, name: serverName ?? server.serverId })),
  );
  output.table(
    [
      { title: 'CHECKPOINT', text: ({ checkpoint }) => checkpoint },
      { title: 'SERVER', text: ({ name }) => name, shrinkable: true },
      ...planColumn(rows),
      { title: 'CREATED', text: ({ createdAt }) => createdAt, droppable: true },
      { title: 'AGE', text: ({ createdAt }) => formatAge(new Date(createdAt), now) },
      {
        title: 'DECISION',
        text: ({ keep }) => (keep ? 'keep' : 'go'),
        format: ({ keep }) => (keep ? undefined : 'red'),
      },
      { title: 'WHY', text: ({ reasons }) => reasons.join(', '), shrinkable: true },
    ],
    rows,
  );
}

/** Pruned they can be all the same; what is locked stays in the store until then. */
function showLocks(output: Output, servers: readonly ServerDecisions[]): void {
  const now = new Date().toISOString();
  const locked = servers
    .flatMap(({ decisions }) => decisions)
    .flatMap(({ keep, lockedUntil }) =>
      keep || lockedUntil === null || lockedUntil <= now ? [] : [lockedUntil],
    )
    .sort();
  if (locked.length === 0) return;
  output.line(
    `${counted(locked.length)} of those that go are locked, the last until ${locked.at(-1) ?? ''}: their space becomes free after that.`,
  );
}

function counted(checkpoints: number): string {
  return `${String(checkpoints)} ${checkpoints === 1 ? 'checkpoint' : 'checkpoints'}`;
}
