import * as z from 'zod';

/** Number of the root disk among the disks of a checkpoint. */
export const ROOT_DISK = 0;

/** One of the disks that a checkpoint is to hold. */
export const DiskToProtect = z.strictObject({
  /** Its number among the disks of the checkpoint. */
  disk: z.int().nonnegative(),
  /** The volume that it is; null for a root disk that Nova keeps. */
  volumeId: z.string().nullable(),
});
export type DiskToProtect = z.infer<typeof DiskToProtect>;

/** Where the bytes of one disk of a checkpoint come from. */
export const DiskSource = z.strictObject({
  ...DiskToProtect.shape,
  /**
   * What holds the disk as it was: the snapshot image (or boot image), or the volume's snapshot. What is noted of reading one is never
   * mixed with another one's.
   */
  snapshotId: z.string(),
});
export type DiskSource = z.infer<typeof DiskSource>;
