import * as z from 'zod';
import { CollectionSummary } from '../collect/summary.ts';
import { BackupSummary } from '../protect/backup-summary.ts';
import { Omission } from '../protect/description.ts';
import { UnplannedRequest } from '../protect/select-servers.ts';
import { AttachedVolume } from '../restore/attached-volume.ts';
import { PruneSummary } from '../prune/plan.ts';
import { VerifySummary } from '../verify/verify-summary.ts';

/** Source of the events that snapbank publishes. Those that request a backup carry the requester's own. */
export const EVENT_SOURCE = 'snapbank';

/**
 * A fact that a state machine publishes. Members are added within a version; what is taken away or means something else makes a new
 * one. The execution is its ARN.
 */
function fact<Data extends z.ZodType>(data: Data) {
  return z.object({
    metadata: z.object({
      version: z.literal('1'),
      execution: z.string(),
      /** When the execution began. */
      startedAt: z.string(),
    }),
    data,
  });
}

/** Why an execution came to nothing: the name of its error, as in docs/errors.md. */
const FailedBefore = z.object({ error: z.string() });

const RestoreSummary = z.object({
  checkpoint: z.string(),
  /** Null for a server that boots from a volume. */
  imageId: z.string().nullable(),
  /** Null for a restore of an image alone. */
  serverId: z.string().nullable(),
  /** Not there where a proof was asked for. */
  volumes: z.array(AttachedVolume).optional(),
  bytes: z.number(),
  /** True only after every chunk was read back and compared; null without `check`. */
  identical: z.boolean().nullable(),
  /** There only when a proof was asked for: image and server were removed again. */
  booted: z.literal(true).optional(),
  notRestored: z.array(Omission),
});

/** By detail-type: what the detail of a published event holds. */
export const PUBLISHED_EVENTS = {
  /** All servers of the execution were backed up. */
  'Backup Completed': fact(BackupSummary),
  /** Some were not (a summary that counts them), or none was begun (the error). */
  'Backup Failed': fact(z.union([BackupSummary, FailedBefore])),
  'Restore Completed': fact(RestoreSummary),
  /** Everything it had made was removed again. */
  'Restore Failed': fact(FailedBefore),
  /** Everything that was looked at is sound. */
  'Verification Completed': fact(VerifySummary),
  /** Something is damaged (a summary that counts it), or nothing was looked at (the error). */
  'Verification Failed': fact(z.union([VerifySummary, FailedBefore])),
  'Prune Completed': fact(PruneSummary),
  'Prune Failed': fact(FailedBefore),
  'Collection Completed': fact(CollectionSummary),
  'Collection Failed': fact(FailedBefore),
} as const;

/** Detail-type of the event that asks for a backup. */
export const BACKUP_REQUESTED = 'Backup Requested';

/** Its detail: a plan by its name, or what an execution of the backup machine is given; `enable_server_snapshot` overrides the plan's. */
export const BackupRequested = z.union([
  z.strictObject({
    plan: z.string().min(1),
    enable_server_snapshot: z.boolean().optional(),
  }),
  UnplannedRequest,
]);
