import * as z from 'zod';
import { RootReference } from '../bank/register/record.ts';
import { Omission } from '../protect/description.ts';
import { ROOT_DISK } from '../protect/disks.ts';
import { BootProof } from './boot-proof.ts';
import { Need } from './needs.ts';
import { Original } from './original.ts';

/** An image to be made of a disk. Not strict: executions that were begun before an upgrade hold more. */
const ImagePlan = z.object({
  name: z.string(),
  diskFormat: z.string(),
  containerFormat: z.string(),
  minDiskGiB: z.number(),
  minRamMiB: z.number(),
  fileSizeBytes: z.number().int(),
  guestSizeBytes: z.number().int(),
  /** Whether one function could stream the file into Glance. */
  fitsFunction: z.boolean().default(true),
});
export type ImagePlan = z.infer<typeof ImagePlan>;

/** A volume to be made of a disk, by way of a temporary image, and attached. */
const VolumePlan = z.strictObject({
  disk: z.int().nonnegative(),
  image: ImagePlan,
  name: z.string().nullable(),
  sizeGiB: z.number(),
  /** Null: the cloud's default. */
  type: z.string().nullable(),
  availabilityZone: z.string().nullable(),
  device: z.string().nullable(),
  deleteOnTermination: z.boolean(),
  tag: z.string().nullable(),
});
export type VolumePlan = z.infer<typeof VolumePlan>;

/**
 * What a restore will make: the output of PlanRestore and the input of every state after it. Small, and free of secrets: what the
 * image and the server's owner wrote (properties, metadata, tags, description, user data) is taken from the checkpoint when it is needed.
 */
export const RestorePlan = z.strictObject({
  /** Marks everything that this restore makes, so that an attempt after a crash finds it and a failure removes it. */
  restoreId: z.string(),
  checkpoint: z.string(),
  /** The root that was pinned: a checkpoint can get another one. */
  root: RootReference,
  /** Null where the bank is read-only and nothing could be pinned. */
  pinId: z.string().nullable(),
  planOnly: z.boolean(),
  imageOnly: z.boolean(),
  check: z.boolean(),
  /** What the server must do before it is removed again; null: it stays. */
  proof: BootProof.nullable().default(null),
  import: z.enum(['web-download', 'stream']),
  partsAtOnce: z.number().int(),
  /** The disk of which `image` is made: the root disk, but for the states that make the image of another one. */
  disk: z.int().nonnegative().default(ROOT_DISK),
  image: ImagePlan,
  /** The one that the server boots from first, if it does, then in the order of their devices. */
  volumes: z.array(VolumePlan).default([]),
  /** The server that was backed up, where it still exists. */
  original: Original.nullable().default(null),
  /** What is not here as the checkpoint calls it, and what to give in its place. */
  needs: z.array(Need).default([]),
  /** What else keeps the restore from being possible. */
  obstacles: z.array(z.string()).default([]),
  /** Null for an image alone, and in a plan of what is not possible. */
  server: z
    .object({
      name: z.string(),
      flavorId: z.string(),
      flavorName: z.string().nullable(),
      /** In the order of the interfaces; empty: a server without a network, as the original. */
      networks: z.array(
        z.strictObject({
          networkId: z.string(),
          networkName: z.string().nullable(),
          /** Null: any free address. */
          fixedIp: z.string().nullable(),
        }),
      ),
      /** Names. */
      securityGroups: z.array(z.string()),
      keyName: z.string().nullable(),
      availabilityZone: z.string().nullable(),
      configDrive: z.boolean(),
      userData: z.boolean(),
    })
    .nullable(),
  /** What will not come back as it was, and why. */
  notRestored: z.array(Omission),
});
export type RestorePlan = z.infer<typeof RestorePlan>;
