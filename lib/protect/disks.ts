/** Number of the root disk among the disks of a checkpoint. */
export const ROOT_DISK = 0;
