import type { ExecutionOutcome, ExecutionStatus } from '../local/engine/execution-options.ts';
import type { MachineName } from '../local/machines.ts';
import { backupSummaryOf } from './commands/backup.ts';

export interface ServerCounts {
  /** Null while it is not known. */
  total: number | null;
  succeeded: number;
  failed: number;
}

/** An execution, running or past, as it is listed. */
export interface ExecutionRow {
  name: string;
  machine: MachineName;
  /** Null of an embedded one. */
  arn: string | null;
  /** INTERRUPTED: the process that ran it is gone, and it has not ended. */
  status: ExecutionStatus | 'RUNNING' | 'INTERRUPTED';
  startedAt: Date;
  stoppedAt: Date | null;
  /** Name of the error that ended it. */
  error: string | null;
  /** Of a backup. */
  servers: ServerCounts | null;
}

/** What the end of a backup says of its servers; null where it ended without a summary. */
export function serverCountsOf(outcome: ExecutionOutcome): ServerCounts | null {
  try {
    const { total, succeeded, failed } = backupSummaryOf(outcome);
    return { total, succeeded, failed };
  } catch {
    return null;
  }
}
