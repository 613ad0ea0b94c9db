import type { ProgressEvent } from '../lib/services.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { Output } from './output.ts';
import type { Progress, ProgressRow } from './terminal/progress.ts';

/** What people read while a state is under way. */
const PHASES: Readonly<Record<string, string>> = {
  PlanCollection: 'looking',
  DeleteObjects: 'deleting',
  CompactServers: 'compacting',
  CloseCollection: 'cleaning up',
};
const LABEL = 'bank';

/** Shows a collection's progress as one row. */
export class CollectProgress {
  readonly #output: Output;
  readonly #progress: Progress;
  #row: ProgressRow = { id: LABEL, label: LABEL, state: 'running', phase: '' };

  constructor(output: Output) {
    this.#output = output;
    this.#progress = output.progress({ one: 'collection', many: 'collections' });
  }

  follow(event: HistoryEvent): void {
    if (event.path !== undefined && event.path.length > 0) return;
    if ('stateEnteredEventDetails' in event) {
      const phase = PHASES[event.stateEnteredEventDetails.name];
      if (phase === undefined || phase === this.#row.phase) return;
      this.#output.event({ type: 'phase', phase });
      this.#row = { id: LABEL, label: LABEL, state: 'running', phase };
      this.#progress.update(this.#row);
    } else if (event.type === 'ExecutionSucceeded') {
      this.#show({ state: 'done', phase: 'done' });
    } else if (event.type === 'ExecutionFailed') {
      this.#show({ state: 'failed', phase: event.executionFailedEventDetails.error ?? 'failed' });
    }
  }

  /** Each phase counts its own bytes. */
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
