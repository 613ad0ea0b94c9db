import type { SegmentReceipt } from '../bank/format/receipt.ts';
import { readDamageMarks } from '../bank/register/damage-marks.ts';
import { renewLease } from '../bank/register/lease.ts';
import { putReceipt, readReceipt } from '../bank/write/receipts.ts';
import { readSegmentSources } from '../bank/write/segment-source.ts';
import { SegmentWriter } from '../bank/write/segment-writer.ts';
import type { Services } from '../services.ts';
import { CheckpointIncomplete } from '../bank/errors.ts';
import { readAncestorRoot } from './ancestor-root.ts';
import type { DiskSource } from './disks.ts';
import { readUploadPlan, type UploadPlan } from './upload-plan.ts';

/** A disk of a checkpoint on its way into the bank. */
export interface Upload {
  readonly plan: UploadPlan;
  readonly pieceBytes: number;
  readonly segmentBytes: number;
  /** Whether an earlier worker finished the segment, of this very image. */
  isFinished(segment: number): Promise<boolean>;
  segmentWriter(segment: number, guestSizeBytes: number): Promise<SegmentWriter>;
  putReceipt(receipt: SegmentReceipt): Promise<void>;
}

export interface UploadTarget {
  checkpoint: string;
  source: DiskSource;
  /** Name of the receipts, where it is not the plan's. */
  receipts?: string;
}

/** Throws `CheckpointFenced` when the checkpoint is no longer open. */
export async function openUpload(
  services: Services,
  { checkpoint, source, receipts }: UploadTarget,
  signal: AbortSignal,
): Promise<Upload> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const record = await renewLease(register, checkpoint, { signal });
  const plan = await readUploadPlan(bank, checkpoint, source, signal);
  if (plan === undefined) {
    throw new CheckpointIncomplete(
      `The plan of disk ${String(source.disk)} of checkpoint ${checkpoint} is gone from the work place ${bank.places.work.location}.`,
      { identifiers: { checkpoint, disk: source.disk, snapshotId: source.snapshotId } },
    );
  }
  const { log } = services;
  const { disk } = source;
  const scope = { checkpoint, imageId: receipts ?? plan.receipts };
  const [ancestor, damagedPacks] = await Promise.all([
    readAncestorRoot(bank, record, { log, signal }),
    readDamageMarks(register, { signal }),
  ]);
  const ancestors = ancestor === undefined ? [] : [ancestor.pinned.root];
  const { chunkSizeBytes, chunksPerSegment } = bank.info;
  return {
    plan,
    pieceBytes: chunkSizeBytes,
    segmentBytes: chunkSizeBytes * chunksPerSegment,
    async isFinished(segment) {
      const place = { disk, segment };
      return (await readReceipt(bank, scope, place, { signal })) !== undefined;
    },
    async segmentWriter(segment, guestSizeBytes) {
      const place = { disk, segment };
      const sources = await readSegmentSources(bank, ancestors, place, {
        damagedPacks,
        log,
        signal,
      });
      const target = { checkpoint, ...place, guestSizeBytes };
      return new SegmentWriter(bank, target, sources, { signal });
    },
    async putReceipt(receipt) {
      await putReceipt(bank, scope, receipt, { signal });
    },
  };
}
