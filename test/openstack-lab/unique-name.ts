import { randomBytes } from 'node:crypto';

/** A name that no other run of the tests uses, so that several can share a lab. */
export function uniqueName(purpose: string): string {
  return `e2e-${purpose}-${randomBytes(4).toString('hex')}`;
}
