import * as z from 'zod';

/** A part of an identity: it goes into an HMAC with NUL between the parts, so it holds none. */
const Part = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !text.includes('\0'), { message: 'holds a NUL' });

/** What is backed up: a server of a project. Its image is a reference only; two servers of one image never share a backup. */
export const ServerIdentity = z.strictObject({
  /** Host and path of the Keystone auth URL, normalised. */
  cloud: Part,
  region: Part,
  projectId: Part,
  serverId: Part,
});
export type ServerIdentity = Readonly<z.infer<typeof ServerIdentity>>;

export function sameServer(one: ServerIdentity, other: ServerIdentity): boolean {
  return (
    one.cloud === other.cloud &&
    one.region === other.region &&
    one.projectId === other.projectId &&
    one.serverId === other.serverId
  );
}
