import * as z from 'zod';
import type { ObjectStore, Part } from '../bank/store/object-store.ts';
import { removeObjects } from '../work-objects.ts';
import type { RestorePlan } from './plan.ts';

/** The image file as one object of the work place, under way or complete. */
export const Assembly = z.strictObject({
  key: z.string(),
  uploadId: z.string(),
  partSizeBytes: z.number().int().positive(),
  partCount: z.number().int().positive(),
  fileSizeBytes: z.number().int().positive(),
});
export type Assembly = z.infer<typeof Assembly>;

/** A run of parts, the unit of work of AssembleRange. */
export const PartRange = z.strictObject({
  first: z.number().int().positive(),
  count: z.number().int().positive(),
});
export type PartRange = z.infer<typeof PartRange>;

const MIB = 1024 ** 2;
/** S3 takes 10,000 parts; a margin is left for servers that count differently. */
const MAX_PARTS = 9_000;
const LEAST_PART_BYTES = 32 * MIB;
/** At most so many items stand in the state's payload, which may hold 256 KiB. */
const MAX_RANGES = 400;

function prefixOf(restoreId: string): string {
  return `restores/${restoreId}/`;
}

/** Starts the object, or finds the upload that an earlier attempt started. */
export async function startAssembly(
  work: ObjectStore,
  { restoreId, disk, image }: RestorePlan,
  signal: AbortSignal,
): Promise<{ assembly: Assembly; parts: PartRange[] }> {
  const key = `${prefixOf(restoreId)}image-${String(disk)}`;
  const { fileSizeBytes } = image;
  const partSizeBytes = Math.max(
    LEAST_PART_BYTES,
    Math.ceil(fileSizeBytes / MAX_PARTS / MIB) * MIB,
  );
  const partCount = Math.ceil(fileSizeBytes / partSizeBytes);
  const uploadId =
    (await uploadUnderWay(work, key, signal)) ?? (await work.startUpload(key, { signal }));
  const size = Math.ceil(partCount / MAX_RANGES);
  const parts: PartRange[] = [];
  for (let first = 1; first <= partCount; first += size) {
    parts.push({ first, count: Math.min(size, partCount - first + 1) });
  }
  return { assembly: { key, uploadId, partSizeBytes, partCount, fileSizeBytes }, parts };
}

async function uploadUnderWay(
  work: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  for await (const upload of work.listUploads(key, { signal })) {
    if (upload.key === key) return upload.uploadId;
  }
  return undefined;
}

export function* partsOf(
  { partSizeBytes, fileSizeBytes }: Assembly,
  { first, count }: PartRange,
): Generator<Part & { sizeBytes: number }> {
  for (let number = first; number < first + count; number += 1) {
    const offset = (number - 1) * partSizeBytes;
    yield { number, offset, sizeBytes: Math.min(partSizeBytes, fileSizeBytes - offset) };
  }
}

/** Aborts what is under way and deletes what is complete. Safe to repeat. */
export async function removeAssembly(
  work: ObjectStore,
  restoreId: string,
  signal: AbortSignal,
): Promise<void> {
  const prefix = prefixOf(restoreId);
  for await (const upload of work.listUploads(prefix, { signal })) {
    await work.abortUpload(upload, { signal });
  }
  // Beside the object itself: what the Maps of the restore left.
  await removeObjects(work, [prefix, `results/${restoreId}-`], signal);
}
