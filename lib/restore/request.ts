import * as z from 'zod';
import { MAPPED_KINDS } from './mappings.ts';

const Name = z.string().min(1).max(255);

/** Input of a restore execution. */
export const RestoreRequest = z.strictObject({
  /** A checkpoint's id, a unique prefix of it, or `SERVER@latest` with a server's id or name. */
  checkpoint: z.string().min(1),
  /** Say what would be made, and stop. */
  plan_only: z.boolean().optional(),
  /** The root disk alone, as a disk that Nova keeps. */
  without_volumes: z.boolean().optional(),
  /** The image alone, no server. */
  image_only: z.boolean().optional(),
  /** Of the server, or of the image with `image_only`; the original's name otherwise. */
  name: Name.optional(),
  /** Id or name; the original's otherwise. */
  flavor: Name.optional(),
  /** Ids or names, in the order of the interfaces; replaces the original's networks and addresses. */
  networks: z.array(Name).min(1).optional(),
  /** What takes the place of what, by kind; for another cloud, region or project. */
  map: z.partialRecord(z.enum(MAPPED_KINDS), z.record(Name, Name)).optional(),
  format: z.enum(['raw', 'qcow2']).optional(),
  import: z.enum(['web-download', 'stream']).optional(),
  /** Read the image back from Glance and compare every chunk. */
  check: z.boolean().optional(),
  /** Boot the server under a throw-away name and, unless `networks` says otherwise, on no network; remove everything again. */
  prove_boot: z
    .strictObject({
      /** A text that the console must show; without, to be ACTIVE is enough. */
      console: z.string().min(1).max(1000).optional(),
      /** How long it may take to show it. Default 600. */
      wait_seconds: z.int().min(1).max(86_400).optional(),
    })
    .optional(),
});
export type RestoreRequest = z.infer<typeof RestoreRequest>;
