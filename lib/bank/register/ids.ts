import { createHmac, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import type { ServerIdentity } from './identity.ts';

/**
 * Checkpoint id: 16 hex digits of its own, then the server key, which is 8 hex digits: a pseudonym of the server. Equal server keys are
 * harmless, since records hold the identity.
 */
export const CheckpointId = z.string().regex(/^[0-9a-f]{24}$/);
export const PinId = z.string().regex(/^[0-9a-f]{16}$/);

export function serverKeyOf(nameKey: KeyObject, server: ServerIdentity): string {
  return digest(nameKey, ['server', ...identityParts(server)], 8);
}

/** Server key of a checkpoint. */
export function serverKeyIn(checkpoint: string): string {
  return checkpoint.slice(16);
}

/**
 * Id of an execution's n-th attempt to make a checkpoint of the server. Derived, so that an execution that is repeated finds what it
 * made before. An id is never used for two records: the tombstone of a removed one stays.
 */
export function checkpointIdOf(
  nameKey: KeyObject,
  execution: string,
  server: ServerIdentity,
  attempt: number,
): string {
  const parts = ['checkpoint', execution, ...identityParts(server), String(attempt)];
  return digest(nameKey, parts, 16) + serverKeyOf(nameKey, server);
}

/** Id of an execution's n-th pin of a checkpoint. */
export function pinIdOf(
  nameKey: KeyObject,
  execution: string,
  checkpoint: string,
  attempt: number,
): string {
  return digest(nameKey, ['pin', execution, checkpoint, String(attempt)], 16);
}

/** The boot image that servers were made of, as the cloud knows it. */
export interface BootImage {
  readonly cloud: string;
  readonly region: string;
  readonly imageId: string;
}

export function basePointerKey(nameKey: KeyObject, image: BootImage): string {
  return `bases/${digest(nameKey, ['base', image.cloud, image.region, image.imageId], 32)}`;
}

export function surveyNoteKey(nameKey: KeyObject, server: ServerIdentity): string {
  return `surveys/${digest(nameKey, ['survey', ...identityParts(server)], 32)}`;
}

function identityParts(server: ServerIdentity): string[] {
  return [server.cloud, server.region, server.projectId, server.serverId];
}

function digest(nameKey: KeyObject, parts: readonly string[], hexDigits: number): string {
  return createHmac('sha256', nameKey).update(parts.join('\0')).digest('hex').slice(0, hexDigits);
}
