import type { HistoryEvent } from '../../local/engine/history.ts';

/** What AWS would count of an execution. */
export class Tally {
  /** Started, by the machine and by its distributed Maps. */
  executions = 0;
  /** Errors of executions that failed, children too: a Map may tolerate them. */
  readonly failures = new Set<string>();
  /** Billed: states entered, tries again, and the start of each execution. */
  transitions = 0;
  events = 0;
  /** Of the execution with most events. */
  largestHistory = 0;
  /** In bytes, of inputs and outputs. */
  largestPayloadBytes = 0;
  functionCalls = 0;
  functionsAtOnce = 0;
  longestFunctionSeconds = 0;
  /** By GiB of memory. */
  gigabyteSeconds = 0;
  requestsToS3 = { puts: 0, gets: 0 };
  #running = 0;
  readonly #historyOf = new Map<string, number>();

  follow(event: HistoryEvent): void {
    const path = event.path?.join('/') ?? '';
    const count = (this.#historyOf.get(path) ?? 0) + 1;
    this.events += 1;
    this.largestHistory = Math.max(this.largestHistory, count);
    if (/^Execution(Succeeded|Failed|TimedOut|Aborted)$/.test(event.type)) {
      this.#historyOf.delete(path);
    } else {
      this.#historyOf.set(path, count);
    }
    if (event.type === 'ExecutionFailed') {
      this.failures.add(event.executionFailedEventDetails.error ?? '');
    }
    if (event.type === 'ExecutionStarted') {
      this.executions += 1;
      this.transitions += 1;
      this.#payload(event.executionStartedEventDetails.input);
    } else if ('stateEnteredEventDetails' in event) {
      this.transitions += 1;
      this.#payload(event.stateEnteredEventDetails.input);
    } else if ('stateExitedEventDetails' in event) {
      this.#payload(event.stateExitedEventDetails.output);
    } else if ('retryAt' in event && event.retryAt !== undefined) {
      this.transitions += 1;
    }
  }

  /** A call of a function of so much memory; to be told of its end. */
  called(memoryGiB: number): (seconds: number) => void {
    this.functionCalls += 1;
    this.#running += 1;
    this.functionsAtOnce = Math.max(this.functionsAtOnce, this.#running);
    return (seconds) => {
      this.#running -= 1;
      this.longestFunctionSeconds = Math.max(this.longestFunctionSeconds, seconds);
      this.gigabyteSeconds += seconds * memoryGiB;
    };
  }

  #payload(text: string): void {
    this.largestPayloadBytes = Math.max(this.largestPayloadBytes, Buffer.byteLength(text));
  }
}
