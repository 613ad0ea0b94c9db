import { CheckpointIncomplete } from '../bank/errors.ts';
import { writeBasePointer } from '../bank/register/base-pointer.ts';
import { commitCheckpoint } from '../bank/register/commit-checkpoint.ts';
import { renewLease } from '../bank/register/lease.ts';
import type { OpenRecord } from '../bank/register/record.ts';
import { readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';
import { putRoot } from '../bank/roots.ts';
import { assembleRoot } from '../bank/write/assemble-root.ts';
import { readReceipts } from '../bank/write/receipts.ts';
import type { Services } from '../services.ts';
import { readAncestorRoot } from './ancestor-root.ts';
import { readServerDescription } from './captured.ts';
import type { CheckpointDescription } from './description.ts';
import { type DiskSource, ROOT_DISK } from './disks.ts';
import { consistencyOf } from './consistency.ts';
import { sealSummary } from './summary.ts';
import { readUploadPlan, type UploadPlan } from './upload-plan.ts';

interface Upload {
  checkpoint: string;
  sources: readonly DiskSource[];
}

/** A disk that has been read to its end. */
type FinishedPlan = UploadPlan & { shape: NonNullable<UploadPlan['shape']> };

/**
 * Makes the checkpoint out of what the segments' workers left: the root first, then the record from OPEN to COMMITTED, then the advice
 * for other servers of the boot image. Idempotent. Throws `CheckpointFenced`, `CheckpointIncomplete`.
 */
export async function commitUpload(
  services: Services,
  { checkpoint, sources }: Upload,
  signal: AbortSignal,
): Promise<void> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  if (await isCommitted(register, checkpoint, signal)) return;
  const record = await renewLease(register, checkpoint, { signal });
  const plans: FinishedPlan[] = [];
  for (const source of sources)
    plans.push(await finishedPlan(services, checkpoint, source, signal));
  const { root, description } = await rootOf(services, record, plans, signal);
  const ref = await putRoot(bank, root, { signal });
  await commitCheckpoint(register, checkpoint, {
    root: ref,
    summary: await sealSummary(bank, record.server, {
      serverName: description.server.name,
      done: {
        consistency: description.consistency,
        imageKind: rootPlan(plans).image.kind,
        diskBytes: root.disks.reduce((sum, { guestSizeBytes }) => sum + guestSizeBytes, 0),
        notCovered: description.server.notCovered.length,
        stats: root.stats,
      },
    }),
    signal,
  });
  const { cloud, region } = record.server;
  const bootImage = { cloud, region, imageId: description.server.bootImageId };
  // Advice only: the checkpoint is there without it.
  await writeBasePointer(register, bootImage, checkpoint, { signal }).catch((error: unknown) => {
    services.log.warn('The base pointer of the boot image could not be written', {
      checkpoint,
      reason: error instanceof Error ? error.message : String(error),
    });
  });
}

async function isCommitted(
  register: Register,
  checkpoint: string,
  signal: AbortSignal,
): Promise<boolean> {
  const head = await readRecord(register, checkpoint, { signal });
  return head.kind === 'live' && head.value.state === 'COMMITTED';
}

async function finishedPlan(
  services: Services,
  checkpoint: string,
  source: DiskSource,
  signal: AbortSignal,
): Promise<FinishedPlan> {
  const plan = await readUploadPlan(await services.bank(), checkpoint, source, signal);
  if (plan?.shape == null) {
    throw new CheckpointIncomplete(
      `Disk ${String(source.disk)} of checkpoint ${checkpoint} has not been read to its end.`,
      { identifiers: { checkpoint, ...source } },
    );
  }
  return { ...plan, shape: plan.shape };
}

function rootPlan(plans: readonly FinishedPlan[]): FinishedPlan {
  const plan = plans.find(({ source }) => source.disk === ROOT_DISK);
  if (plan === undefined) throw new CheckpointIncomplete('The root disk has not been read.');
  return plan;
}

async function rootOf(
  services: Services,
  record: OpenRecord,
  plans: readonly FinishedPlan[],
  signal: AbortSignal,
) {
  const bank = await services.bank();
  const { checkpoint } = record;
  const [server, ancestor] = await Promise.all([
    readServerDescription(bank, checkpoint, signal),
    readAncestorRoot(bank, record, { log: services.log, signal }),
  ]);
  const disks = [];
  for (const { source, shape, receipts } of plans) {
    const { disk } = source;
    const scope = { checkpoint, imageId: receipts };
    disks.push({ disk, ...shape, receipts: await readReceipts(bank, scope, disk, { signal }) });
  }
  const description: CheckpointDescription = {
    server,
    consistency: consistencyOf(rootPlan(plans)),
    disks: plans.map(({ source: { disk }, image, sourceHash }) => ({ disk, image, sourceHash })),
  };
  const root = assembleRoot(bank, {
    checkpoint,
    createdAt: record.createdAt,
    execution: record.execution.id,
    label: description.consistency,
    identity: record.server,
    parent: ancestor?.as === 'parent' ? ancestor.pinned : null,
    base: ancestor?.as === 'base' ? ancestor.pinned : null,
    disks,
    description,
  });
  return { root, description };
}
