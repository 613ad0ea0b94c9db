import * as z from 'zod';
import { Omission } from '../../lib/protect/description.ts';
import { readCheckpoint } from '../../lib/restore/checkpoint-root.ts';
import { RestorePlan } from '../../lib/restore/plan.ts';
import type { JsonObject } from '../../local/engine/json.ts';
import type { CommandContext } from '../context.ts';
import { machineFailure } from '../machine-failure.ts';
import type { Output } from '../output.ts';
import { runEmbedded } from '../run-embedded.ts';
import { RestoreProgress } from '../restore-progress.ts';
import { formatBytes, formatDuration } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';

export interface RestoreOptions {
  plan?: boolean;
  imageOnly?: boolean;
  name?: string;
  flavor?: string;
  network?: string[];
  format?: 'raw' | 'qcow2';
  import?: 'web-download' | 'stream';
  check?: boolean;
  execution?: string;
}

/** Output of a restore execution that was not only planned. */
const RestoreSummary = z.object({
  checkpoint: z.string(),
  imageId: z.string(),
  serverId: z.string().nullable(),
  bytes: z.number(),
  identical: z.boolean().nullable(),
  notRestored: z.array(Omission),
  warnings: z.array(z.string()),
});
type RestoreSummary = z.infer<typeof RestoreSummary>;

/** `snapbank restore`: runs the restore machine in this process. */
export async function runRestore(
  context: CommandContext,
  checkpoint: string,
  options: RestoreOptions,
): Promise<void> {
  const { output } = context;
  const { name, outcome, elapsedMilliseconds } = await runEmbedded(context, {
    machine: 'restore',
    input: requestOf(checkpoint, options),
    display: new RestoreProgress(output, checkpoint),
    givenName: options.execution,
    usesCloud: true,
  });
  if (outcome.status !== 'SUCCEEDED') throw machineFailure(outcome);
  if (options.plan === true) {
    await showPlan(context, RestorePlan.parse(outcome.output));
  } else {
    show(output, RestoreSummary.parse(outcome.output), name, elapsedMilliseconds);
  }
}

/** A `RestoreRequest`, as the machine's first state checks it. */
function requestOf(checkpoint: string, options: RestoreOptions): JsonObject {
  return {
    checkpoint,
    ...(options.plan === undefined ? {} : { plan_only: options.plan }),
    ...(options.imageOnly === undefined ? {} : { image_only: options.imageOnly }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.flavor === undefined ? {} : { flavor: options.flavor }),
    ...(options.network === undefined ? {} : { networks: options.network }),
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(options.import === undefined ? {} : { import: options.import }),
    ...(options.check === undefined ? {} : { check: options.check }),
  };
}

/** The plan, with what will be copied from the checkpoint. */
async function showPlan(
  { output, services, signal }: CommandContext,
  plan: RestorePlan,
): Promise<void> {
  const { description: copied, disks } = await readCheckpoint(
    await (await services()).bank(),
    plan,
    signal,
  );
  const { properties } = disks[0].description.image;
  const { description, metadata, tags } = copied.server;
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
  const { image, server } = plan;
  field('Checkpoint', plan.checkpoint);
  field(
    'Image',
    `${image.name}: ${image.diskFormat}, disk of ${formatBytes(image.guestSizeBytes)}`,
  );
  field('Image file', `${formatBytes(image.fileSizeBytes)}, by ${plan.import}`);
  if (server !== null) {
    field('Server', server.name);
    field('Flavor', server.flavorName ?? server.flavorId);
    for (const { networkName, networkId, fixedIp } of server.networks) {
      field('Network', `${networkName ?? networkId} ${fixedIp ?? '(any address)'}`);
    }
    if (server.networks.length === 0) field('Network', 'none');
    field('Security groups', server.securityGroups.join(', '));
    field('Key pair', server.keyName ?? 'none');
    field('Tags', tags.join(', '));
    field(
      'Metadata',
      Object.entries(metadata)
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
    );
    field('User data', server.userData ? 'yes' : 'none');
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
  output.line(`Image     ${summary.imageId}`);
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
