import * as z from 'zod';
import type { ProgressEvent } from '../lib/services.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { Output } from './output.ts';
import type { Progress, ProgressRow } from './terminal/progress.ts';

/** What people read while a state is under way. */
const PHASES: Readonly<Record<string, string>> = {
  OpenCheckpoint: 'opening',
  StopServer: 'stopping server',
  CreateServerSnapshot: 'snapshot',
  WaitForImage: 'snapshot',
  PollImage: 'snapshot',
  SnapshotVolume: 'snapshot of volume',
  StartServer: 'starting server',
  CopyVolume: 'copying volume',
  PlanUpload: 'planning',
  UploadSegments: 'uploading',
  UploadStream: 'uploading',
  ExtendRetention: 'locking',
  CommitCheckpoint: 'committing',
  AbandonCheckpoint: 'giving up',
  DeleteServerSnapshot: 'cleaning up',
};

/** What people read while a state that failed for the moment is to be tried again. */
const WAITING: Readonly<Record<string, string>> = {
  BaseInProgress: 'waiting for the first of its image',
  HostBusy: 'waiting for its host',
  ServerBusy: 'waiting for its server',
};

const ChildInput = z.object({ item: z.object({ id: z.string(), name: z.string().nullable() }) });

/** Shows a backup's progress, a row a server, from the history of its execution and the bytes that its functions tell of. */
export class BackupProgress {
  readonly #output: Output;
  readonly #progress: Progress;
  /** Rows by server id. */
  readonly #rows = new Map<string, ProgressRow>();
  /** Server ids by the step in a history event's path. */
  readonly #servers = new Map<string, string>();

  constructor(output: Output) {
    this.#output = output;
    this.#progress = output.progress({ one: 'server', many: 'servers' });
  }

  follow(event: HistoryEvent): void {
    const step = event.path?.[0];
    // A server's own states, and those of its disks.
    if (step === undefined || event.path === undefined || event.path.length > 2) return;
    const isOfServer = event.path.length === 1;
    if ('stateEnteredEventDetails' in event) {
      const { name, input } = event.stateEnteredEventDetails;
      if (name === 'OpenCheckpoint') this.#open(step, input);
      const phase = PHASES[name];
      // The bytes of each disk are counted anew.
      if (name === 'PlanUpload') this.#update(step, { phase: 'planning', doneBytes: 0 });
      else if (phase !== undefined) this.#update(step, { phase });
    } else if (event.type === 'TaskFailed') {
      const phase = WAITING[event.taskFailedEventDetails.error ?? ''];
      if (phase !== undefined) this.#update(step, { phase });
    } else if (isOfServer && event.type === 'ExecutionSucceeded') {
      this.#update(step, { state: 'done', phase: 'done' });
    } else if (isOfServer && event.type === 'ExecutionFailed') {
      const phase = event.executionFailedEventDetails.error ?? 'failed';
      this.#update(step, { state: 'failed', phase });
    }
  }

  advance({ subject, advancedBytes, totalBytes }: ProgressEvent): void {
    const row = this.#rows.get(subject);
    if (row === undefined) return;
    const doneBytes = Math.min(totalBytes, (row.doneBytes ?? 0) + advancedBytes);
    this.#show({ ...row, doneBytes, totalBytes });
  }

  close(): void {
    this.#progress.close();
  }

  #open(step: string, input: string): void {
    const child = ChildInput.safeParse(JSON.parse(input));
    if (!child.success) return;
    const { id, name } = child.data.item;
    this.#servers.set(step, id);
    this.#rows.set(id, { id, label: name ?? id, state: 'running', phase: '' });
  }

  #update(step: string, change: Partial<ProgressRow>): void {
    const row = this.#rows.get(this.#servers.get(step) ?? '');
    if (row === undefined) return;
    this.#show({ ...row, ...change });
    if (change.phase !== row.phase) {
      this.#output.event({ type: 'phase', server: row.id, name: row.label, phase: change.phase });
    }
  }

  #show(row: ProgressRow): void {
    this.#rows.set(row.id, row);
    this.#progress.update(row);
  }
}
