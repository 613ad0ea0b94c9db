import * as z from 'zod';
import { Omission } from '../../lib/protect/description.ts';
import { AttachedVolume } from '../../lib/restore/attached-volume.ts';
import { parseMappings } from '../../lib/restore/mappings.ts';
import { RestorePlan } from '../../lib/restore/plan.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import type { CommandContext } from '../context.ts';
import { machineFailure } from '../machine-failure.ts';
import type { Output } from '../output.ts';
import { parseOutput } from '../parse-output.ts';
import { RestoreProgress } from '../restore-progress.ts';
import { type EndedExecution, type ExecutionOptions, runExecution } from '../run-execution.ts';
import { formatBytes, formatDuration } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';
import { ProofSummary, showProof } from './prove-boot.ts';
import { showOmissions, showRestorePlan } from './show-restore-plan.ts';

export interface RestoreOptions extends ExecutionOptions {
  plan?: boolean;
  withoutVolumes?: boolean;
  imageOnly?: boolean;
  name?: string;
  flavor?: string;
  network?: string[];
  map?: string[];
  format?: 'raw' | 'qcow2';
  import?: 'web-download' | 'stream';
  check?: boolean;
}

/** Output of a restore execution that was not only planned. */
const RestoreSummary = z.object({
  checkpoint: z.string(),
  imageId: z.string().nullable(),
  serverId: z.string().nullable(),
  volumes: z.array(AttachedVolume).default([]),
  bytes: z.number(),
  identical: z.boolean().nullable(),
  notRestored: z.array(Omission),
  warnings: z.array(z.string()),
});
type RestoreSummary = z.infer<typeof RestoreSummary>;

/** `snapbank restore`: runs the restore machine. */
export async function runRestore(
  context: CommandContext,
  checkpoint: string,
  options: RestoreOptions,
): Promise<boolean> {
  const ended = await runExecution(context, {
    machine: 'restore',
    input: requestOf(checkpoint, options),
    display: new RestoreProgress(context.output, checkpoint),
    options,
    usesCloud: true,
  });
  return await showRestore(context, ended);
}

/** Says what was made, or with --plan what would be: false where it cannot be. */
export async function showRestore(
  context: CommandContext,
  { name, arn, outcome, elapsedMilliseconds }: EndedExecution,
): Promise<boolean> {
  const { output } = context;
  if (outcome.status !== 'SUCCEEDED') throw machineFailure(outcome);
  const planned = RestorePlan.safeParse(outcome.output);
  const proof = ProofSummary.safeParse(outcome.output);
  if (planned.success) return await showRestorePlan(context, planned.data, arn);
  if (proof.success) showProof(output, proof.data, { name, elapsedMilliseconds });
  else show(output, parseOutput(RestoreSummary, outcome.output), name, elapsedMilliseconds);
  return true;
}

/** A `RestoreRequest`, as the machine's first state checks it. */
function requestOf(checkpoint: string, options: RestoreOptions): JsonObject {
  return {
    checkpoint,
    ...(options.plan === undefined ? {} : { plan_only: options.plan }),
    ...(options.withoutVolumes === undefined ? {} : { without_volumes: options.withoutVolumes }),
    ...(options.imageOnly === undefined ? {} : { image_only: options.imageOnly }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.flavor === undefined ? {} : { flavor: options.flavor }),
    ...(options.network === undefined ? {} : { networks: options.network }),
    ...(options.map === undefined ? {} : { map: parseMappings(options.map) }),
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(options.import === undefined ? {} : { import: options.import }),
    ...(options.check === undefined ? {} : { check: options.check }),
  };
}

function show(
  output: Output,
  summary: RestoreSummary,
  name: string,
  elapsedMilliseconds: number,
): void {
  output.event({ type: 'summary', execution: name, ...summary });
  if (summary.serverId !== null) output.line(`Server    ${summary.serverId} is ACTIVE`);
  for (const { disk, volumeId, device } of summary.volumes) {
    output.line(`Volume    ${volumeId} (disk ${String(disk)}) is ${device ?? 'attached'}`);
  }
  if (summary.imageId !== null) output.line(`Image     ${summary.imageId}`);
  output.line(
    `Identical ${summary.identical === true ? 'yes: every chunk was read back and compared' : 'not checked (--check reads the image back)'}`,
  );
  showOmissions(output, summary.notRestored);
  for (const warning of summary.warnings) output.line(printable(`Warning: ${warning}`));
  output.line(
    `Restored a disk of ${formatBytes(summary.bytes)} in ${formatDuration(elapsedMilliseconds)}.`,
  );
}
