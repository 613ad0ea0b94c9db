import type { ProgressEvent } from '../lib/services.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { Output } from './output.ts';
import type { Progress, ProgressRow } from './terminal/progress.ts';

/** What people read while a state is under way. */
const PHASES: Readonly<Record<string, string>> = {
  PlanVerify: 'planning',
  VerifySegments: 'verifying',
  RecordVerification: 'recording',
  CloseVerification: 'cleaning up',
};

/** Shows a verification's progress as one row. */
export class VerifyProgress {
  readonly #output: Output;
  readonly #progress: Progress;
  #row: ProgressRow;

  constructor(output: Output, label: string) {
    this.#output = output;
    this.#progress = output.progress({ one: 'verification', many: 'verifications' });
    this.#row = { id: label, label, state: 'running', phase: '' };
  }

  follow(event: HistoryEvent): void {
    if (event.path !== undefined && event.path.length > 0) return;
    if ('stateEnteredEventDetails' in event) {
      const phase = PHASES[event.stateEnteredEventDetails.name];
      if (phase === undefined || phase === this.#row.phase) return;
      this.#output.event({ type: 'phase', phase });
      this.#show({ phase });
    } else if (event.type === 'ExecutionSucceeded') {
      this.#show({ state: 'done', phase: 'done' });
    } else if (event.type === 'ExecutionFailed') {
      this.#show({ state: 'failed', phase: event.executionFailedEventDetails.error ?? 'failed' });
    }
  }

  advance({ advancedBytes, totalBytes }: ProgressEvent): void {
    const doneBytes = Math.min(totalBytes, (this.#row.doneBytes ?? 0) + advancedBytes);
    this.#show({ doneBytes, totalBytes });
  }

  close(): void {
    this.#progress.close();
  }

  #show(change: Partial<ProgressRow>): void {
    this.#row = { ...this.#row, ...change };
    this.#progress.update(this.#row);
  }
}
