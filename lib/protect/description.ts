import * as z from 'zod';
import { ROOT_DISK } from './disks.ts';

/** A thing that the checkpoint does not hold, and why; shown with the checkpoint and when it is restored. */
export const Omission = z.strictObject({ what: z.string(), why: z.string() });
export type Omission = z.infer<typeof Omission>;

/** What is kept of a server beside its disk, enough to make it again. Sealed with the root: it holds names and user data. */
export const ServerDescription = z.strictObject({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  hostname: z.string().nullable(),
  status: z.string(),
  createdAt: z.string().nullable(),
  userId: z.string().nullable(),
  /** What its root disk was made of; null for a volume that was made of no image. */
  bootImageId: z.string().nullable(),
  flavor: z.strictObject({
    /** Null where Nova embeds the flavor's content and the flavor is not found by name. */
    id: z.string().nullable(),
    name: z.string().nullable(),
    vcpus: z.number().nullable(),
    ramMiB: z.number().nullable(),
    diskGiB: z.number().nullable(),
    ephemeralGiB: z.number().nullable(),
    swapMiB: z.number().nullable(),
    extraSpecs: z.record(z.string(), z.string()),
  }),
  metadata: z.record(z.string(), z.string()),
  tags: z.array(z.string()),
  keyName: z.string().nullable(),
  availabilityZone: z.string().nullable(),
  configDrive: z.boolean(),
  /** Base64 as Nova keeps it; null when Nova does not show it to this user or there is none. */
  userData: z.string().nullable(),
  securityGroups: z.array(z.string()),
  /** In the order of the server's interfaces. */
  ports: z.array(
    z.strictObject({
      networkId: z.string(),
      networkName: z.string().nullable(),
      macAddress: z.string(),
      fixedIps: z.array(z.strictObject({ subnetId: z.string(), ipAddress: z.string() })),
      securityGroupIds: z.array(z.string()),
    }),
  ),
  attachedVolumes: z.array(z.strictObject({ id: z.string(), device: z.string().nullable() })),
  /** Disks whose data the checkpoint does not hold. */
  notCovered: z.array(Omission),
  /** What could not be read of the server's definition, or is not its own. */
  notCaptured: z.array(Omission),
});
export type ServerDescription = z.infer<typeof ServerDescription>;

/** What is kept of the image that was read: the snapshot image, or the boot image where no snapshot was wanted. */
export const ImageDescription = z.strictObject({
  id: z.string(),
  name: z.string().nullable(),
  /** `snapshot`: holds the data that the server's users wrote; `boot-image`: does not. */
  kind: z.enum(['snapshot', 'boot-image']),
  diskFormat: z.string().nullable(),
  containerFormat: z.string().nullable(),
  sizeBytes: z.number(),
  minDiskGiB: z.number(),
  minRamMiB: z.number(),
  /** hw_*, os_* and whatever else the image carries, but not what Nova and snapbank put there for themselves. */
  properties: z.record(z.string(), z.string()),
  osHashAlgo: z.string().nullable(),
  osHashValue: z.string().nullable(),
});
export type ImageDescription = z.infer<typeof ImageDescription>;

/** What is kept of a volume beside its data, enough to make it again and attach it. */
export const VolumeDescription = z.strictObject({
  disk: z.int().nonnegative(),
  id: z.string(),
  name: z.string().nullable(),
  description: z.string().nullable(),
  sizeGiB: z.number(),
  type: z.string().nullable(),
  availabilityZone: z.string().nullable(),
  bootable: z.boolean(),
  metadata: z.record(z.string(), z.string()),
  /** `/dev/vdb`. */
  device: z.string().nullable(),
  deleteOnTermination: z.boolean(),
  tag: z.string().nullable(),
});
export type VolumeDescription = z.infer<typeof VolumeDescription>;

/** What is kept of one disk beside its bytes. */
export const DiskDescription = z.strictObject({
  /** Its number among the disks of the root. */
  disk: z.int().nonnegative(),
  image: ImageDescription,
  /** Whether Glance's own hash over the image file was compared, which only a reading in one pass can. */
  sourceHash: z.enum(['unchecked', 'matched']),
  /** Null for a root disk that Nova kept. */
  volume: VolumeDescription.nullable().default(null),
});
export type DiskDescription = z.infer<typeof DiskDescription>;

/** The description that the root of a checkpoint carries. */
export const CheckpointDescription = z.preprocess(
  withListOfDisks,
  z.strictObject({
    server: ServerDescription,
    /**
     * `crash-consistent`, `stopped`, `paused`, `suspended`; `crash-consistent-per-disk` where the server wrote between the snapshots of
     * its disks; `boot-image` where no snapshot of the root disk was wanted.
     */
    consistency: z.string(),
    /** The plan under which it was made; null without one. */
    plan: z.string().nullable().default(null),
    disks: z.array(DiskDescription).min(1),
  }),
);
export type CheckpointDescription = z.infer<typeof CheckpointDescription>;

/** Checkpoints that hold the root disk alone were once described without a list. */
function withListOfDisks(description: unknown): unknown {
  const isOfOneDisk = z.looseObject({ image: z.unknown(), sourceHash: z.unknown() });
  const old = isOfOneDisk.safeParse(description);
  if (!old.success) return description;
  const { image, sourceHash, ...rest } = old.data;
  return { ...rest, disks: [{ disk: ROOT_DISK, image, sourceHash, volume: null }] };
}
