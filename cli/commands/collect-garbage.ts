import { CollectionSummary } from '../../lib/collect/summary.ts';
import { CollectProgress } from '../collect-progress.ts';
import type { CommandContext } from '../context.ts';
import { machineFailure } from '../machine-failure.ts';
import { parseOutput } from '../parse-output.ts';
import { type EndedExecution, type ExecutionOptions, runExecution } from '../run-execution.ts';
import { formatBytes, formatDuration } from '../terminal/format.ts';

export interface CollectOptions extends ExecutionOptions {
  dryRun?: boolean;
  force?: boolean;
  compact?: boolean;
  undeleteDays?: number;
}

/** `snapbank collect-garbage`: deletes what no checkpoint needs any more. Needs the bank alone, no cloud. */
export async function runCollectGarbage(
  context: CommandContext,
  options: CollectOptions,
): Promise<void> {
  const ended = await runExecution(context, {
    machine: 'collect-garbage',
    input: {
      ...(options.dryRun === undefined ? {} : { dry_run: options.dryRun }),
      ...(options.force === undefined ? {} : { force: options.force }),
      ...(options.compact === false ? { compact: false } : {}),
      ...(options.undeleteDays === undefined ? {} : { undelete_days: options.undeleteDays }),
    },
    display: new CollectProgress(context.output),
    options,
    usesCloud: false,
  });
  showCollection(context, ended);
}

/** Says what was found and deleted. */
export function showCollection(
  { output }: CommandContext,
  { name, outcome, elapsedMilliseconds }: EndedExecution,
): void {
  if (outcome.status !== 'SUCCEEDED') throw machineFailure(outcome);
  const summary = parseOutput(CollectionSummary, outcome.output);
  output.event({ type: 'summary', execution: name, ...summary });
  const { listed, dead, deleted, retained, packBytes, wasteBytes } = summary;
  output.line(`In the bank   ${shown(listed)}`);
  output.line(`Not needed    ${shown(dead)}`);
  output.line(
    `Half-used     ${formatBytes(wasteBytes)} of ${formatBytes(packBytes)} in packs that are needed`,
  );
  if (summary.dryRun) {
    output.line(`To rewrite    ${shown(summary.sparse)}`);
    output.line('Nothing was deleted or rewritten (--dry-run).');
    return;
  }
  output.line(`Deleted       ${shown(deleted)}`);
  if (retained.objects > 0) {
    const until = summary.retainedUntil === null ? '' : ` until ${summary.retainedUntil}`;
    output.line(`Still locked  ${shown(retained)}${until}; a later collection deletes them`);
  }
  for (const line of compactionLines(summary)) output.line(line);
  output.line(`${goneText(summary)} It took ${formatDuration(elapsedMilliseconds)}.`);
}

function goneText({ buriedCheckpoints: gone, heldCheckpoints: held }: CollectionSummary): string {
  const checkpoints = `${String(gone)} ${gone === 1 ? 'checkpoint' : 'checkpoints'}`;
  const text = `${checkpoints} can no longer be brought back.`;
  if (held === 0) return text;
  return `${text} The data of ${String(held)} of them is held by a mount, a restore or a verification: it stays until that ends, and a later collection deletes it.`;
}

function compactionLines({ sparse, notCompacted, compaction }: CollectionSummary): string[] {
  if (sparse.objects === 0) return [];
  if (notCompacted === 'the bank is locked') {
    return [
      'Rewritten     nothing: the bank is locked; a pack goes when nothing in it is needed and its lock is over',
    ];
  }
  if (notCompacted !== null) return [`Rewritten     nothing: ${notCompacted}`];
  const { emptied, written, skipped } = compaction;
  return [
    `Rewritten     ${shown(emptied)}, of which ${formatBytes(written.bytes)} were needed; the next collection deletes the rest`,
    ...(skipped === 0
      ? []
      : [`Left          packs that ${String(skipped)} servers or groups of servers are using`]),
  ];
}

function shown({ objects, bytes }: { objects: number; bytes: number }): string {
  return `${String(objects)} ${objects === 1 ? 'object' : 'objects'}, ${formatBytes(bytes)}`;
}
