import { writeBasePointer } from '../bank/register/base-pointer.ts';
import { commitCheckpoint } from '../bank/register/commit-checkpoint.ts';
import { renewLease } from '../bank/register/lease.ts';
import { putRoot } from '../bank/roots.ts';
import type { Services } from '../services.ts';
import type { DiskSource } from './disks.ts';
import { isCommitted } from './is-committed.ts';
import { lockedUntilOf } from './retention.ts';
import { finishedPlans, rootOf, rootPlan } from './root-of-upload.ts';
import { sealSummary } from './summary.ts';

interface Upload {
  checkpoint: string;
  sources: readonly DiskSource[];
}

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
  const plans = await finishedPlans(services, checkpoint, sources, signal);
  const { root: unlocked, description } = await rootOf(services, record, plans, signal);
  const lockedUntil = await lockedUntilOf(bank, unlocked, signal);
  const root = { ...unlocked, lockedUntil };
  const ref = await putRoot(bank, root, { signal });
  await commitCheckpoint(register, checkpoint, {
    root: ref,
    ...(lockedUntil === null ? {} : { lockedUntil }),
    summary: await sealSummary(bank, record.server, {
      serverName: description.server.name,
      plan: description.plan,
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
  const { bootImageId: imageId } = description.server;
  if (imageId === null) return;
  const bootImage = { cloud, region, imageId };
  // Advice only: the checkpoint is there without it.
  await writeBasePointer(register, bootImage, checkpoint, { signal }).catch((error: unknown) => {
    services.log.warn('The base pointer of the boot image could not be written', {
      checkpoint,
      reason: error instanceof Error ? error.message : String(error),
    });
  });
}
