import * as z from 'zod';
import { ObjectRef } from '../object-ref.ts';
import { SegmentRef, SegmentStats } from './root.ts';

const Count = z.int().nonnegative();

/** A pack that one attempt at a segment wrote. */
export const OwnPack = z.strictObject({ ...ObjectRef.shape, chunks: Count });
export type OwnPack = z.infer<typeof OwnPack>;

/** How much of a pack one segment refers to. */
export const LivePack = z.strictObject({ key: z.string(), chunks: Count, bytes: Count });

export type LivePack = z.infer<typeof LivePack>;

/** What a finished segment hands to the commit, wherever that runs. Its objects are durable. */
export const SegmentReceipt = z.strictObject({
  disk: Count,
  segment: Count,
  ref: SegmentRef,
  ownPacks: z.array(OwnPack),
  /** What the attempt wrote is locked until then; null in a bank that is not locked. */
  lockedUntil: z.iso.datetime().nullable(),
  /** All packs that the segment refers to, own and ancestors'. */
  livePacks: z.array(LivePack),
  stats: SegmentStats,
});
export type SegmentReceipt = z.infer<typeof SegmentReceipt>;
