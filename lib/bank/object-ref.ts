import { createHash } from 'node:crypto';
import * as z from 'zod';

/** SHA-256 in lower-case hex. */
export const Digest = z.string().regex(/^[0-9a-f]{64}$/);

/** An object of the bank with the digest of its stored bytes. */
export const ObjectRef = z.strictObject({
  key: z.string().min(1).max(512),
  digest: Digest,
  sizeBytes: z.int().positive(),
});
export type ObjectRef = z.infer<typeof ObjectRef>;

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
