import * as z from 'zod';
import { SnapbankError } from '../../lib/errors.ts';
import { Omission } from '../../lib/protect/description.ts';
import { readCheckpoint } from '../../lib/restore/checkpoint-root.ts';
import { ROOT_DISK } from '../../lib/protect/disks.ts';
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
): Promise<void> {
  const ended = await runExecution(context, {
    machine: 'restore',
    input: requestOf(checkpoint, options),
    display: new RestoreProgress(context.output, checkpoint),
    options,
    usesCloud: true,
  });
  await showRestore(context, ended);
}

/** Says what was made, or with --plan what would be. */
export async function showRestore(
  context: CommandContext,
  { name, arn, outcome, elapsedMilliseconds }: EndedExecution,
): Promise<void> {
  const { output } = context;
  if (outcome.status !== 'SUCCEEDED') throw machineFailure(outcome);
  const planned = RestorePlan.safeParse(outcome.output);
  const proof = ProofSummary.safeParse(outcome.output);
  if (planned.success) await showPlan(context, planned.data, arn);
  else if (proof.success) showProof(output, proof.data, { name, elapsedMilliseconds });
  else show(output, parseOutput(RestoreSummary, outcome.output), name, elapsedMilliseconds);
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

/** What only the checkpoint holds of a plan: it is its owner's, and sealed. */
async function copiedFrom({ services, signal }: CommandContext, plan: RestorePlan) {
  const bank = await (await services()).bank();
  const { description: copied, disks } = await readCheckpoint(bank, plan, signal);
  const { description, metadata, tags } = copied.server;
  return { properties: disks[0].description.image.properties, description, metadata, tags };
}

/** The plan, with what will be copied from the checkpoint; of a restore in AWS as far as the bank can be read from here. */
async function showPlan(
  context: CommandContext,
  plan: RestorePlan,
  arn: string | undefined,
): Promise<void> {
  const { output } = context;
  const copied = await copiedFrom(context, plan).catch((error: unknown) => {
    if (arn === undefined || !(error instanceof SnapbankError)) throw error;
    output.warn(
      `Tags, metadata and properties are in the bank, which cannot be read from here: ${error.message}`,
    );
    return { properties: null, description: null, metadata: null, tags: null };
  });
  const { properties, description, metadata, tags } = copied;
  output.event({
    type: 'summary',
    plan: {
      ...plan,
      image: { ...plan.image, properties },
      server: plan.server === null ? null : { ...plan.server, description, metadata, tags },
    },
  });
  const field = (name: string, value: string) =>
    output.line(`${name.padEnd(18)}${printable(value)}`);
  const { image, server, volumes } = plan;
  field('Checkpoint', plan.checkpoint);
  if (!volumes.some(({ disk }) => disk === ROOT_DISK)) {
    field(
      'Image',
      `${image.name}: ${image.diskFormat}, disk of ${formatBytes(image.guestSizeBytes)}`,
    );
    field('Image file', `${formatBytes(image.fileSizeBytes)}, by ${plan.import}`);
  }
  if (server !== null) {
    field('Server', server.name);
    field('Flavor', server.flavorName ?? server.flavorId);
    for (const { networkName, networkId, fixedIp } of server.networks) {
      field('Network', `${networkName ?? networkId} ${fixedIp ?? '(any address)'}`);
    }
    if (server.networks.length === 0) field('Network', 'none');
    field('Security groups', server.securityGroups.join(', '));
    field('Key pair', server.keyName ?? 'none');
    if (tags !== null) field('Tags', tags.join(', '));
    if (metadata !== null) {
      const pairs = Object.entries(metadata).map(([key, value]) => `${key}=${value}`);
      field('Metadata', pairs.join(', '));
    }
    field('User data', server.userData ? 'yes' : 'none');
  }
  for (const { disk, name, sizeGiB, type, device } of volumes) {
    const where = `disk ${String(disk)}, ${String(sizeGiB)} GiB, type ${type ?? '(default)'}`;
    field('Volume', `${name ?? '(no name)'}: ${where}, as ${device ?? 'any device'}`);
  }
  showOmissions(output, plan.notRestored);
  output.line('Nothing was made. Without --plan this is what the restore makes.');
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

function showOmissions(output: Output, omissions: readonly Omission[]): void {
  for (const { what, why } of omissions) output.line(printable(`Not restored: ${what}. ${why}`));
}
