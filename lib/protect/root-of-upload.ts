import { CheckpointIncomplete } from '../bank/errors.ts';
import type { OpenRecord } from '../bank/register/record.ts';
import { assembleRoot } from '../bank/write/assemble-root.ts';
import { readReceipts } from '../bank/write/receipts.ts';
import type { Services } from '../services.ts';
import { readAncestorRoot } from './ancestor-root.ts';
import { readCaptured } from './captured.ts';
import { consistencyOf } from './consistency.ts';
import type { CheckpointDescription } from './description.ts';
import { type DiskSource, ROOT_DISK } from './disks.ts';
import { readUploadPlan, type UploadPlan } from './upload-plan.ts';

/** A disk that has been read to its end. */
type FinishedPlan = UploadPlan & { shape: NonNullable<UploadPlan['shape']> };

/** The plans of the checkpoint's disks. Throws `CheckpointIncomplete` for a disk that has not been read to its end. */
export async function finishedPlans(
  services: Services,
  checkpoint: string,
  sources: readonly DiskSource[],
  signal: AbortSignal,
): Promise<FinishedPlan[]> {
  const plans: FinishedPlan[] = [];
  for (const source of sources.toSorted((one, other) => one.disk - other.disk))
    plans.push(await finishedPlan(services, checkpoint, source, signal));
  return plans;
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
      { identifiers: { checkpoint, disk: source.disk, snapshotId: source.snapshotId } },
    );
  }
  return { ...plan, shape: plan.shape };
}

export function rootPlan(plans: readonly FinishedPlan[]): FinishedPlan {
  const plan = plans.find(({ source }) => source.disk === ROOT_DISK);
  if (plan === undefined) throw new CheckpointIncomplete('The root disk has not been read.');
  return plan;
}

/** The root of a checkpoint out of what its segments' workers left, and what goes into it beside them. Nothing is stored. */
export async function rootOf(
  services: Services,
  record: OpenRecord,
  plans: readonly FinishedPlan[],
  signal: AbortSignal,
) {
  const bank = await services.bank();
  const { checkpoint } = record;
  const [{ server, volumes, plan }, ancestor] = await Promise.all([
    readCaptured(bank, checkpoint, signal),
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
    consistency: consistencyOf(plans),
    plan,
    disks: plans.map(({ source: { disk }, image, sourceHash }) => {
      const volume = volumes.find((one) => one.disk === disk) ?? null;
      return { disk, image, sourceHash, volume };
    }),
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
    lockedUntil: null,
    description,
  });
  return {
    root,
    description,
    receipts: disks.flatMap(({ receipts }) => receipts),
    ancestor: ancestor?.pinned.root,
  };
}
