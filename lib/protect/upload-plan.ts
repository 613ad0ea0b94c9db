import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { unwrap, wrap } from '../bank/format/envelope.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import { ImageDescription } from './description.ts';
import { DiskSource } from './disks.ts';

/**
 * How an image is read and what its disk is like; in the work place, because every worker and the commit need it. In a sealed bank it
 * is sealed like a root: the properties of an image are its owner's.
 */
export const UploadPlan = z.strictObject({
  source: DiskSource,
  reading: z.enum(['ranges', 'stream']),
  /** Why it is read in one pass, for people; null with ranges. */
  streamReason: z.string().nullable(),
  image: ImageDescription,
  /** Known before the data is read only with ranges; a stream's end says it. */
  shape: z
    .strictObject({
      format: z.enum(['raw', 'qcow2', 'opaque']),
      guestSizeBytes: z.number().int().positive(),
    })
    .nullable(),
  /** Under which name the receipts of its segments lie: another one for each way to understand the file, so that they never mix. */
  receipts: z.string(),
  /** Of Glance's own hash over the image file; a ranged reading cannot check it. */
  sourceHash: z.enum(['unchecked', 'matched']),
  /** Nova's status of the server when the snapshot was asked for; null without a snapshot. */
  serverStatus: z.string().nullable(),
});
export type UploadPlan = z.infer<typeof UploadPlan>;

/** An image has at most some hundred properties, of 64 KiB at most. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Tied to the snapshot: a repeated execution that had to take a new snapshot must not mix two of them. */
function keyOf(checkpoint: string, { disk, snapshotId }: DiskSource): string {
  return `uploads/${checkpoint}/${String(disk)}-${snapshotId}.json`;
}

export async function putUploadPlan(
  bank: Bank,
  checkpoint: string,
  plan: UploadPlan,
  signal: AbortSignal,
): Promise<void> {
  const key = keyOf(checkpoint, plan.source);
  const plain = Buffer.from(JSON.stringify(plan));
  await bank.places.work.put(key, await wrap(bank.keys, { kind: 'note', key }, plain), { signal });
}

/** Undefined when the image's reading has not been planned, or the work place was emptied. */
export async function readUploadPlan(
  bank: Bank,
  checkpoint: string,
  source: DiskSource,
  signal: AbortSignal,
): Promise<UploadPlan | undefined> {
  const key = keyOf(checkpoint, source);
  try {
    const bytes = await bank.places.work.get(key, { signal });
    const plain = await unwrap(bank.keys, { kind: 'note', key }, bytes, MAX_BYTES);
    return UploadPlan.parse(JSON.parse(plain.toString()));
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}

/** A run of segments, the unit of work of UploadRange. */
export const SegmentRange = z.strictObject({
  first: z.number().int().nonnegative(),
  count: z.number().int().positive(),
});
export type SegmentRange = z.infer<typeof SegmentRange>;

/** At most so many items stand in the state's payload, which may hold 256 KiB. */
const MAX_RANGES = 400;

/** Splits the segments into ranges of equal size: one each while they are few, so that a lost worker costs little. */
export function rangesOf(segmentCount: number): SegmentRange[] {
  const size = Math.ceil(segmentCount / MAX_RANGES);
  const ranges: SegmentRange[] = [];
  for (let first = 0; first < segmentCount; first += size) {
    ranges.push({ first, count: Math.min(size, segmentCount - first) });
  }
  return ranges;
}
