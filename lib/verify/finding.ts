import * as z from 'zod';

/** A run of guest addresses. */
export const AddressRange = z.strictObject({
  offset: z.int().nonnegative(),
  length: z.int().positive(),
});
export type AddressRange = z.infer<typeof AddressRange>;

/** An object that is damaged or missing, and whom that hurts where. */
export const Finding = z.strictObject({
  checkpoints: z.array(z.string()).min(1),
  /** Null for a root: all of the checkpoints is lost. */
  disk: z.int().nonnegative().nullable(),
  /** Key of the root, segment or pack. */
  object: z.string(),
  /** Name of the error that a restore would end with. */
  error: z.string(),
  message: z.string(),
  /** What cannot be read; empty with `disk` null. */
  ranges: z.array(AddressRange),
});
export type Finding = z.infer<typeof Finding>;

/** What looking at one segment, in all versions that the checkpoints of a group have of it, came to. */
export const SegmentReport = z.strictObject({
  disk: z.int().nonnegative(),
  segment: z.int().nonnegative(),
  packsChecked: z.int().nonnegative(),
  chunksRead: z.int().nonnegative(),
  /** Plain bytes of these chunks. */
  bytesRead: z.int().nonnegative(),
  findings: z.array(Finding),
  /** Marked objects that are sound now. */
  cleared: z.array(z.string()),
});
export type SegmentReport = z.infer<typeof SegmentReport>;

/** Chunks as runs of guest addresses; `chunks` ascending. The disk's last chunk may be shorter. */
export function rangesOfChunks(
  chunks: Iterable<number>,
  { chunkSizeBytes, guestSizeBytes }: { chunkSizeBytes: number; guestSizeBytes: number },
): AddressRange[] {
  const ranges: AddressRange[] = [];
  for (const chunk of chunks) {
    const offset = chunk * chunkSizeBytes;
    const length = Math.min(chunkSizeBytes, guestSizeBytes - offset);
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else ranges.push({ offset, length });
  }
  return ranges;
}

/** Bytes of a checkpoint that some finding covers, each counted once. */
export function bytesIn(ranges: readonly AddressRange[]): number {
  let end = 0;
  let bytes = 0;
  for (const { offset, length } of ranges.toSorted((one, other) => one.offset - other.offset)) {
    bytes += Math.max(0, offset + length - Math.max(offset, end));
    end = Math.max(end, offset + length);
  }
  return bytes;
}
