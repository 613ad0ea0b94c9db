import * as z from 'zod';
import { LivePack, OwnPack } from '../format/receipt.ts';
import { SegmentRef } from '../format/root.ts';

const Count = z.int().nonnegative();

/** A segment of a disk: packs are referred to from one place only, in all checkpoints of all servers that share them. */
export const Place = z.strictObject({ disk: Count, segment: Count });
export type Place = z.infer<typeof Place>;

/** A table that some of the checkpoints have at a place. */
export const PlaceVersion = z.strictObject({
  ref: SegmentRef,
  /** Of a disk that has it, for the length of its last chunk. */
  guestSizeBytes: z.int().positive(),
});
export type PlaceVersion = z.infer<typeof PlaceVersion>;

/** What a rewritten place hands to the roots. Its objects are durable, and were read back. */
export const PlaceReceipt = z.strictObject({
  ...Place.shape,
  tables: z.array(
    z.strictObject({
      /** Key of the table that is replaced. */
      before: z.string(),
      ref: SegmentRef,
      /** All packs that the table before, and the new one, refer to. */
      usedBefore: z.array(LivePack),
      used: z.array(LivePack),
    }),
  ),
  packs: z.array(OwnPack),
  /** Packs that were rewritten: nothing of them is needed by these tables any more. */
  emptied: z.array(z.string()),
});
export type PlaceReceipt = z.infer<typeof PlaceReceipt>;

const PACK_PLACE = /^packs\/[0-9a-f]{24}\/([0-9]+)-([0-9]+)-/;

export function placeOfPack(key: string): Place | undefined {
  const [, disk, segment] = PACK_PLACE.exec(key) ?? [];
  return disk === undefined ? undefined : { disk: Number(disk), segment: Number(segment) };
}

export function placeName({ disk, segment }: Place): string {
  return `${String(disk)}-${String(segment)}`;
}
