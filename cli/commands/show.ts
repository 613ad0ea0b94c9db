import { openSummary } from '../../lib/protect/summary.ts';
import { resolveCheckpoint } from '../../lib/protect/resolve-checkpoint.ts';
import {
  type ReadableCheckpoint,
  type ReadableDisk,
  readCheckpoint,
} from '../../lib/restore/checkpoint-root.ts';
import type { CommandContext } from '../context.ts';
import type { Output } from '../output.ts';
import { formatBytes } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';
import { shown } from './checkpoints.ts';

/** `snapbank show`: a checkpoint whole; one that is not committed as far as its record knows. */
export async function showCheckpoint(context: CommandContext, reference: string): Promise<void> {
  const { output, signal } = context;
  const services = await context.services();
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const record = await resolveCheckpoint(bank, register, reference, signal);
  const summary =
    record.summary === undefined ? null : await openSummary(bank, record.server, record.summary);
  const readable = 'root' in record ? await readCheckpoint(bank, record, signal) : null;
  output.event({
    type: 'summary',
    ...shown(record, summary),
    description: readable?.description ?? null,
    contents: readable === null ? null : contentsOf(readable),
  });
  const field = (name: string, value: string) =>
    output.line(`${name.padEnd(14)}${printable(value)}`);
  field('Checkpoint', record.checkpoint);
  field('State', record.state);
  field('Created', record.createdAt);
  if (summary?.plan != null) field('Plan', summary.plan);
  field('Execution', record.execution.id);
  field('Server', `${summary?.serverName ?? ''} (${record.server.serverId})`);
  field('Cloud', `${record.server.cloud}, region ${record.server.region}`);
  field('Project', record.server.projectId);
  const proven = 'lastProven' in record ? record.lastProven : undefined;
  field('Last proven', proven === undefined ? 'never' : `${proven.at} (${proven.how})`);
  if (record.state !== 'OPEN' && record.state !== 'ABORTED' && record.lockedUntil !== undefined) {
    field('Locked until', record.lockedUntil);
  }
  if (readable !== null) showContents(output, readable, field);
}

function contentsOf({ root, disks }: ReadableCheckpoint) {
  const parent = root.parent?.checkpoint ?? null;
  return {
    disks: disks.map(({ number, content: { guestSizeBytes, format, merkleRoot } }) => {
      return { disk: number, guestSizeBytes, format, merkleRoot };
    }),
    parent,
    packs: root.packs.length,
    ...root.stats,
  };
}

function showDisk(
  { number, content, description }: ReadableDisk,
  field: (name: string, value: string) => void,
): void {
  const { image, sourceHash } = description;
  const size = formatBytes(content.guestSizeBytes);
  field(`Disk ${String(number)}`, `${size}, read as ${content.format}`);
  field('  image', `${image.diskFormat ?? 'unknown format'}, ${image.kind}`);
  field('  source hash', sourceHash);
  field('  identity', content.merkleRoot);
}

function showContents(
  output: Output,
  { root, disks, description }: ReadableCheckpoint,
  field: (name: string, value: string) => void,
): void {
  const { server, consistency } = description;
  const { image } = disks[0].description;
  const stored = root.packs.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
  field('Consistency', consistency);
  field('Holds', `${formatBytes(stored)} in ${String(root.packs.length)} packs`);
  field(
    'New',
    `${formatBytes(root.stats.newBytes)}, stored as ${formatBytes(root.stats.storedBytes)}`,
  );
  for (const disk of disks) showDisk(disk, field);
  field('Flavor', server.flavor.name ?? server.flavor.id ?? 'unknown');
  for (const port of server.ports) {
    const addresses = port.fixedIps.map(({ ipAddress }) => ipAddress).join(', ');
    field('Network', `${port.networkName ?? port.networkId} ${addresses}`);
  }
  if (image.kind === 'boot-image') {
    output.line(
      "This checkpoint holds the boot image, WITHOUT the data that the server's users wrote.",
    );
  }
  for (const { what, why } of server.notCovered) {
    output.line(printable(`Not covered: ${what}. ${why}`));
  }
  for (const { what, why } of server.notCaptured) {
    output.line(printable(`Not captured: ${what}. ${why}`));
  }
}
