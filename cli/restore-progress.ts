import type { ProgressEvent } from '../lib/services.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { Output } from './output.ts';
import type { Progress, ProgressRow } from './terminal/progress.ts';

/** What people read while a state is under way. */
const PHASES: Readonly<Record<string, string>> = {
  PlanRestore: 'planning',
  CreateImage: 'creating image',
  OpenAssembly: 'assembling',
  AssembleParts: 'assembling',
  ImportImage: 'importing',
  WaitForImport: 'importing',
  UploadImage: 'uploading',
  PlanCheck: 'checking',
  CheckImage: 'checking',
  RestoreVolume: 'creating volume',
  CreateServer: 'creating server',
  WaitForServer: 'starting server',
  CloseProof: 'cleaning up',
  CloseRestore: 'cleaning up',
  RollBackRestore: 'rolling back',
};

/** Shows a restore's progress as one row. */
export class RestoreProgress {
  readonly #output: Output;
  readonly #progress: Progress;
  #row: ProgressRow;
  #phaseOfBytes: ProgressEvent['phase'] | undefined;

  constructor(output: Output, checkpoint: string) {
    this.#output = output;
    this.#progress = output.progress({ one: 'restore', many: 'restores' });
    this.#row = { id: checkpoint, label: checkpoint, state: 'running', phase: '' };
  }

  follow(event: HistoryEvent): void {
    if (event.path !== undefined && event.path.length > 0) return;
    if ('stateEnteredEventDetails' in event) {
      const phase = PHASES[event.stateEnteredEventDetails.name];
      if (phase === undefined || phase === this.#row.phase) return;
      // Each disk begins to count anew.
      if (phase === PHASES['CreateImage']) this.#phaseOfBytes = undefined;
      this.#output.event({ type: 'phase', phase });
      this.#show({ phase });
    } else if (event.type === 'ExecutionSucceeded') {
      this.#show({ state: 'done', phase: 'done' });
    } else if (event.type === 'ExecutionFailed') {
      this.#show({
        state: 'failed',
        phase: event.executionFailedEventDetails.error ?? 'failed',
      });
    }
  }

  advance({ phase, advancedBytes, totalBytes }: ProgressEvent): void {
    // Checking begins to count anew.
    const before = phase === this.#phaseOfBytes ? (this.#row.doneBytes ?? 0) : 0;
    this.#phaseOfBytes = phase;
    this.#show({ doneBytes: Math.min(totalBytes, before + advancedBytes), totalBytes });
  }

  close(): void {
    this.#progress.close();
  }

  #show(change: Partial<ProgressRow>): void {
    this.#row = { ...this.#row, ...change };
    this.#progress.update(this.#row);
  }
}
