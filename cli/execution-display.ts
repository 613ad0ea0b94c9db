import type { ProgressEvent } from '../lib/services.ts';
import type { HistoryEvent } from '../local/engine/history.ts';

/** Shows how an execution gets on, wherever it runs. */
export interface ExecutionDisplay {
  /** An event of its history; its `path` tells child executions apart. */
  follow(event: HistoryEvent): void;
  advance(event: ProgressEvent): void;
  close(): void;
}

/** For what is over in a moment. */
export const noDisplay: ExecutionDisplay = { follow() {}, advance() {}, close() {} };
