import { createHash, randomBytes, randomUUID } from 'node:crypto';

export const newUuid = (): string => randomUUID();

/** Keystone's ids: a UUID without hyphens. */
export const newHexId = (): string => randomUUID().replaceAll('-', '');

export const newRequestId = (): string => `req-${randomUUID()}`;

export const newSecret = (): string => randomBytes(48).toString('base64url');

/** As long and as strange as a Fernet token. */
export const newToken = (): string => `gAAAAA${randomBytes(132).toString('base64url')}`;

/** A project sees hosts only by this digest. */
export const hostIdOf = (projectId: string, host: string): string =>
  createHash('sha224').update(`${projectId}${host}`).digest('hex');

/** A MAC address of OpenStack's prefix. */
export function newMacAddress(): string {
  const tail = randomBytes(3).toString('hex').match(/../g) ?? [];
  return ['fa', '16', '3e', ...tail].join(':');
}

/** `2026-11-23T16:20:41Z` */
export const seconds = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 19)}Z`;

/** `2026-11-23T16:20:41.000000`, with `Z` where a service appends it. */
export const microseconds = (atMs: number): string =>
  `${new Date(atMs).toISOString().slice(0, 19)}.000000`;
