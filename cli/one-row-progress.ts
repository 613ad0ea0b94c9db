import type { ProgressEvent } from '../lib/services.ts';
import type { HistoryEvent } from '../local/engine/history.ts';
import type { Output } from './output.ts';
import type { Noun, Progress, ProgressRow } from './terminal/progress.ts';

export interface OneRow {
  readonly label: string;
  readonly noun: Noun;
  /** What people read while a state is under way; states that are not named change nothing. */
  readonly phases: Readonly<Record<string, string>>;
}

/** Shows the progress of an execution that does one thing as one row. */
export class OneRowProgress {
  protected row: ProgressRow;
  readonly #output: Output;
  readonly #progress: Progress;
  readonly #phases: OneRow['phases'];

  constructor(output: Output, { label, noun, phases }: OneRow) {
    this.#output = output;
    this.#progress = output.progress(noun);
    this.#phases = phases;
    this.row = { id: label, label, state: 'running', phase: '' };
  }

  follow(event: HistoryEvent): void {
    if (event.path !== undefined && event.path.length > 0) return;
    if ('stateEnteredEventDetails' in event) {
      const phase = this.#phases[event.stateEnteredEventDetails.name];
      if (phase === undefined || phase === this.row.phase) return;
      this.#output.event({ type: 'phase', phase });
      this.enter(phase);
    } else if (event.type === 'ExecutionSucceeded') {
      this.show({ state: 'done', phase: 'done' });
    } else if (event.type === 'ExecutionFailed') {
      this.show({ state: 'failed', phase: event.executionFailedEventDetails.error ?? 'failed' });
    }
  }

  advance({ advancedBytes, totalBytes }: ProgressEvent): void {
    const doneBytes = Math.min(totalBytes, (this.row.doneBytes ?? 0) + advancedBytes);
    this.show({ doneBytes, totalBytes });
  }

  close(): void {
    this.#progress.close();
  }

  /** Called when a phase begins. */
  protected enter(phase: string): void {
    this.show({ phase });
  }

  protected show(change: Partial<ProgressRow>): void {
    this.row = { ...this.row, ...change };
    this.#progress.update(this.row);
  }
}
