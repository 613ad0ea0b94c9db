import { SnapbankError } from '../../lib/errors.ts';
import type { Omission } from '../../lib/protect/description.ts';
import { ROOT_DISK } from '../../lib/protect/disks.ts';
import { readCheckpoint } from '../../lib/restore/checkpoint-root.ts';
import { candidatesText, type Need, needName } from '../../lib/restore/needs.ts';
import type { Original } from '../../lib/restore/original.ts';
import type { RestorePlan } from '../../lib/restore/plan.ts';
import type { CommandContext } from '../context.ts';
import type { Output } from '../output.ts';
import { formatBytes } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';

/** What only the checkpoint holds of a plan: it is its owner's, and sealed. */
async function copiedFrom({ services, signal }: CommandContext, plan: RestorePlan) {
  const bank = await (await services()).bank();
  const { description: copied, disks } = await readCheckpoint(bank, plan, signal);
  const { description, metadata, tags } = copied.server;
  return { properties: disks[0].description.image.properties, description, metadata, tags };
}

/**
 * The plan, with what will be copied from the checkpoint; of a restore in AWS as far as the bank can be read from here. False where
 * something is missing that the restore cannot do without.
 */
export async function showRestorePlan(
  context: CommandContext,
  plan: RestorePlan,
  arn: string | undefined,
): Promise<boolean> {
  const { output } = context;
  const copied = await copiedFrom(context, plan).catch((error: unknown) => {
    if (arn === undefined || !(error instanceof SnapbankError)) throw error;
    output.warn(
      `Tags, metadata and properties are in the bank, which cannot be read from here: ${error.message}`,
    );
    return { properties: null, description: null, metadata: null, tags: null };
  });
  const { properties, description, metadata, tags } = copied;
  const possible = (plan.imageOnly || plan.server !== null) && plan.obstacles.length === 0;
  output.event({
    type: 'summary',
    possible,
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
  if (plan.original !== null) output.line(printable(originalText(plan.original)));
  showNeeds(output, plan.needs);
  for (const obstacle of plan.obstacles) output.line(printable(`Not possible: ${obstacle}.`));
  const needed = new Set(plan.needs.map(needName));
  showOmissions(
    output,
    plan.notRestored.filter(({ what }) => !needed.has(what)),
  );
  output.line(
    possible
      ? 'Nothing was made. Without --plan this is what the restore makes.'
      : 'Nothing was made. As it is the restore is not possible: see above what is missing.',
  );
  return possible;
}

function originalText({ id, status, deleting }: Original): string {
  return deleting
    ? `Note: server ${id}, which was backed up, is being deleted (${status}); its addresses become free when it is gone.`
    : `Note: server ${id}, which was backed up, still exists (${status}); the restored one comes beside it.`;
}

function showNeeds(output: Output, needs: readonly Need[]): void {
  if (needs.length === 0) return;
  output.line();
  output.table<Need>(
    [
      { title: 'MISSING', text: needName },
      { title: 'GIVE', text: ({ give }) => give },
      { title: 'THERE IS', text: candidatesText },
      { title: 'OTHERWISE', text: ({ without }) => without ?? 'No restore.', droppable: true },
      { title: 'WHY', text: ({ why }) => why, droppable: true },
    ],
    needs,
  );
  output.line();
}

export function showOmissions(output: Output, omissions: readonly Omission[]): void {
  for (const { what, why } of omissions) output.line(printable(`Not restored: ${what}. ${why}`));
}
