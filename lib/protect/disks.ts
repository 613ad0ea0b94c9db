import * as z from 'zod';

/** Number of the root disk among the disks of a checkpoint. */
export const ROOT_DISK = 0;

/** Where the bytes of one disk of a checkpoint come from. */
export const DiskSource = z.strictObject({
  /** Its number among the disks of the checkpoint. */
  disk: z.int().nonnegative(),
  /** The image that holds the disk as it was; what is noted of its reading is never mixed with another one's. */
  imageId: z.string(),
});
export type DiskSource = z.infer<typeof DiskSource>;
