import * as z from 'zod';
import { Digest, ObjectRef } from '../object-ref.ts';
import { CheckpointId } from '../register/ids.ts';
import { ServerIdentity } from '../register/identity.ts';
import { Pin } from '../register/record.ts';
import { FORMAT_VERSION } from '../format-version.ts';

const Count = z.int().nonnegative();

/** A segment of a disk, as its checkpoint sees it. */
export const SegmentRef = z.strictObject({
  /** The segment's table; null when all its chunks are holes. An unchanged segment is an ancestor's object. */
  object: ObjectRef.nullable(),
  /** The segment's leaf in the disk's Merkle tree. */
  hash: Digest,
  chunkCount: Count,
  nonHoleCount: Count,
});
export type SegmentRef = z.infer<typeof SegmentRef>;

/** A pack that the segments of a checkpoint refer to, its own or an ancestor's. */
export const PackRef = z.strictObject({
  ...ObjectRef.shape,
  /** Chunks that the pack stores. */
  chunks: Count,
  /** Of them, those that this checkpoint refers to, and their stored bytes. */
  liveChunks: Count,
  liveBytes: Count,
});
export type PackRef = z.infer<typeof PackRef>;

export const RootDisk = z.strictObject({
  /** 0 = the root disk. */
  disk: Count,
  guestSizeBytes: z.int().positive(),
  /** How the image file was understood; `opaque`: its bytes are the address space. */
  format: z.enum(['raw', 'qcow2', 'opaque']),
  /** The disk's identity: equal for equal contents, within one bank. */
  merkleRoot: Digest,
  segments: z.array(SegmentRef),
});
export type RootDisk = z.infer<typeof RootDisk>;

export const SegmentStats = z.strictObject({
  /** Bytes taken from the image, holes left out. */
  readBytes: Count,
  holeChunks: Count,
  /** Chunks that an ancestor's pack, or this segment's own, held already. */
  reusedChunks: Count,
  newChunks: Count,
  /** Plain bytes of the new chunks. */
  newBytes: Count,
  /** What they take in packs. */
  storedBytes: Count,
});
export type SegmentStats = z.infer<typeof SegmentStats>;

/** A whole checkpoint: everything of it that is not a chunk. */
export const Root = z.strictObject({
  format: z.literal('snapbank root'),
  version: z.literal(FORMAT_VERSION),
  bankId: z.string(),
  checkpoint: CheckpointId,
  createdAt: z.iso.datetime(),
  /** The execution that made it. */
  execution: z.string().min(1),
  label: z.string().nullable(),
  identity: ServerIdentity,
  /** The server's checkpoint before this one. */
  parent: Pin.nullable(),
  /** A checkpoint of the same boot image, for a server's first backup. */
  base: Pin.nullable(),
  chunkSizeBytes: z.int().positive(),
  chunksPerSegment: z.int().positive(),
  disks: z.array(RootDisk).min(1),
  packs: z.array(PackRef),
  /** All that is named here is locked at least until then; null in a bank that is not locked. */
  lockedUntil: z.iso.datetime().nullable(),
  stats: SegmentStats,
  /** Server, images, consistency and the like: JSON of whoever makes checkpoints, kept as it is. */
  description: z.json(),
});
export type Root = z.infer<typeof Root>;
