import * as z from 'zod';

/**
 * A resource that can be backed up, in Karbor's shape (karbor:karbor/services/protection/protectable_plugins/image.py): a server with
 * its boot image as child, whose `extra_info.server_id` names the server that a snapshot is to be made of.
 */
export const BootImageProtectable = z.strictObject({
  type: z.literal('OS::Glance::Image'),
  id: z.string(),
  /** Null when the image has been deleted since: the server can be backed up all the same. */
  name: z.string().nullable(),
  extra_info: z.strictObject({ server_id: z.string() }),
  children: z.tuple([]),
});

export const ServerProtectable = z.strictObject({
  type: z.literal('OS::Nova::Server'),
  id: z.string(),
  /** Null for a server that was asked for by an id or a name that Nova does not know. */
  name: z.string().nullable(),
  extra_info: z.strictObject({
    status: z.string().nullable(),
    availability_zone: z.string().nullable(),
    tags: z.array(z.string()),
    project_id: z.string().nullable(),
  }),
  /** Empty for a server that boots from a volume. */
  children: z.array(BootImageProtectable).max(1),
});

export type BootImageProtectable = z.infer<typeof BootImageProtectable>;
export type ServerProtectable = z.infer<typeof ServerProtectable>;
