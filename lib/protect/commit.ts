import { CheckpointIncomplete } from '../bank/errors.ts';
import type { RootDisk } from '../bank/format/root.ts';
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
import { ROOT_DISK } from './disks.ts';
import { consistencyOf } from './consistency.ts';
import { sealSummary } from './summary.ts';
import { readUploadPlan, type UploadPlan } from './upload-plan.ts';

interface Upload {
  checkpoint: string;
  imageId: string;
}

/**
 * Makes the checkpoint out of what the segments' workers left: the root first, then the record from OPEN to COMMITTED, then the advice
 * for other servers of the boot image. Idempotent. Throws `CheckpointFenced`, `CheckpointIncomplete`.
 */
export async function commitUpload(
  services: Services,
  upload: Upload,
  signal: AbortSignal,
): Promise<void> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  if (await isCommitted(register, upload.checkpoint, signal)) return;
  const record = await renewLease(register, upload.checkpoint, { signal });
  const plan = await readUploadPlan(bank, upload.checkpoint, upload.imageId, signal);
  if (plan?.disk == null) {
    throw new CheckpointIncomplete(
      `The image of checkpoint ${upload.checkpoint} has not been read to its end.`,
      { identifiers: { checkpoint: upload.checkpoint, imageId: upload.imageId } },
    );
  }
  const { root, description } = await rootOf(services, record, plan, plan.disk, signal);
  const ref = await putRoot(bank, root, { signal });
  await commitCheckpoint(register, upload.checkpoint, {
    root: ref,
    summary: await sealSummary(bank, record.server, {
      serverName: description.server.name,
      done: {
        consistency: description.consistency,
        imageKind: description.image.kind,
        diskBytes: plan.disk.guestSizeBytes,
        notCovered: description.server.notCovered.length,
        stats: root.stats,
      },
    }),
    signal,
  });
  const { cloud, region } = record.server;
  const bootImage = { cloud, region, imageId: description.server.bootImageId };
  // Advice only: the checkpoint is there without it.
  await writeBasePointer(register, bootImage, upload.checkpoint, { signal }).catch(
    (error: unknown) => {
      services.log.warn('The base pointer of the boot image could not be written', {
        checkpoint: upload.checkpoint,
        reason: error instanceof Error ? error.message : String(error),
      });
    },
  );
}

async function isCommitted(
  register: Register,
  checkpoint: string,
  signal: AbortSignal,
): Promise<boolean> {
  const head = await readRecord(register, checkpoint, { signal });
  return head.kind === 'live' && head.value.state === 'COMMITTED';
}

async function rootOf(
  services: Services,
  record: OpenRecord,
  plan: UploadPlan,
  disk: { format: RootDisk['format']; guestSizeBytes: number },
  signal: AbortSignal,
) {
  const bank = await services.bank();
  const { checkpoint } = record;
  const scope = { checkpoint, imageId: plan.receipts };
  const [receipts, server, ancestor] = await Promise.all([
    readReceipts(bank, scope, ROOT_DISK, { signal }),
    readServerDescription(bank, checkpoint, signal),
    readAncestorRoot(bank, record, { log: services.log, signal }),
  ]);
  const description: CheckpointDescription = {
    server,
    image: plan.image,
    consistency: consistencyOf(plan),
    sourceHash: plan.sourceHash,
  };
  const root = assembleRoot(bank, {
    checkpoint,
    createdAt: record.createdAt,
    execution: record.execution.id,
    label: description.consistency,
    identity: record.server,
    parent: ancestor?.as === 'parent' ? ancestor.pinned : null,
    base: ancestor?.as === 'base' ? ancestor.pinned : null,
    disks: [{ disk: ROOT_DISK, ...disk, receipts }],
    description,
  });
  return { root, description };
}
