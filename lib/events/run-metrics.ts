import * as z from 'zod';
import { BackupSummary } from '../protect/backup-summary.ts';
import { CollectionSummary } from '../collect/summary.ts';
import { PruneSummary } from '../prune/plan.ts';
import { VerifySummary } from '../verify/verify-summary.ts';
import type { Measured } from './emf.ts';

/** An event that a machine published at the end of an execution, as the bus delivers it. */
export const PublishedEvent = z.object({
  'detail-type': z.string(),
  time: z.iso.datetime(),
  detail: z.object({
    metadata: z.object({ execution: z.string(), startedAt: z.iso.datetime().optional() }),
    data: z.unknown(),
  }),
});
export type PublishedEvent = z.infer<typeof PublishedEvent>;

/** By what the detail-type begins with: the machine, and what its summary tells. */
const RUNS: readonly (readonly [string, string, (data: unknown) => Measured])[] = [
  ['Backup', 'backup', backupMetrics],
  ['Restore', 'restore', restoreMetrics],
  ['Verification', 'verify', verifyMetrics],
  ['Prune', 'prune', pruneMetrics],
  ['Collection', 'collect-garbage', collectionMetrics],
];

/** What CloudWatch is told of an execution; undefined for an event that tells of none. One that did not begin has only its end. */
export function metricsOfRun(
  event: PublishedEvent,
): { machine: string; metrics: Measured } | undefined {
  const { 'detail-type': type, time, detail } = event;
  const run = RUNS.find(([beginning]) => type.startsWith(`${beginning} `));
  if (run === undefined) return undefined;
  const [, machine, of] = run;
  const { startedAt } = detail.metadata;
  const metrics: Measured = {
    Failed: ['Count', type.endsWith(' Failed') ? 1 : 0],
    ...(startedAt === undefined
      ? {}
      : { Duration: ['Seconds', (Date.parse(time) - Date.parse(startedAt)) / 1000] }),
    ...of(detail.data),
  };
  return { machine, metrics };
}

function backupMetrics(data: unknown): Measured {
  const summary = BackupSummary.safeParse(data);
  if (!summary.success) return {};
  const { succeeded, failed, readBytes, newBytes, storedBytes } = summary.data;
  return {
    ServersSucceeded: ['Count', succeeded],
    ServersFailed: ['Count', failed],
    BytesRead: ['Bytes', readBytes],
    BytesNew: ['Bytes', newBytes],
    BytesStored: ['Bytes', storedBytes],
  };
}

function restoreMetrics(data: unknown): Measured {
  const summary = z.object({ bytes: z.number() }).safeParse(data);
  return summary.success ? { BytesRestored: ['Bytes', summary.data.bytes] } : {};
}

function verifyMetrics(data: unknown): Measured {
  const summary = VerifySummary.safeParse(data);
  if (!summary.success) return {};
  const { sound, damaged, unverified, proven, bytesRead } = summary.data;
  return {
    CheckpointsSound: ['Count', sound],
    CheckpointsDamaged: ['Count', damaged],
    CheckpointsUnverified: ['Count', unverified],
    CheckpointsProven: ['Count', proven],
    BytesVerified: ['Bytes', bytesRead],
  };
}

function pruneMetrics(data: unknown): Measured {
  const summary = PruneSummary.safeParse(data);
  if (!summary.success) return {};
  const { kept, pruned, spared } = summary.data;
  return { CheckpointsKept: ['Count', kept], CheckpointsPruned: ['Count', pruned - spared] };
}

function collectionMetrics(data: unknown): Measured {
  const summary = z.object({ deleted: CollectionSummary.shape.deleted }).safeParse(data);
  return summary.success ? { BytesDeleted: ['Bytes', summary.data.deleted.bytes] } : {};
}
