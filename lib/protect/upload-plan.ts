import * as z from 'zod';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { ObjectStore } from '../bank/store/object-store.ts';
import { ImageDescription } from './description.ts';

/** How an image is read and what its disk is like; in the work place, because every worker and the commit need it. */
export const UploadPlan = z.strictObject({
  reading: z.enum(['ranges', 'stream']),
  /** Why it is read in one pass, for people; null with ranges. */
  streamReason: z.string().nullable(),
  image: ImageDescription,
  /** Known before the data is read only with ranges; a stream's end says it. */
  disk: z
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

/** Tied to the image: a repeated execution that had to take a new snapshot must not mix two of them. */
function keyOf(checkpoint: string, imageId: string): string {
  return `uploads/${checkpoint}/${imageId}.json`;
}

export async function putUploadPlan(
  work: ObjectStore,
  checkpoint: string,
  plan: UploadPlan,
  signal?: AbortSignal,
): Promise<void> {
  const body = Buffer.from(JSON.stringify(plan));
  await work.put(keyOf(checkpoint, plan.image.id), body, signal === undefined ? {} : { signal });
}

/** Undefined when the image's reading has not been planned, or the work place was emptied. */
export async function readUploadPlan(
  work: ObjectStore,
  checkpoint: string,
  imageId: string,
  signal?: AbortSignal,
): Promise<UploadPlan | undefined> {
  try {
    const bytes = await work.get(
      keyOf(checkpoint, imageId),
      signal === undefined ? {} : { signal },
    );
    return UploadPlan.parse(JSON.parse(Buffer.from(bytes).toString()));
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
