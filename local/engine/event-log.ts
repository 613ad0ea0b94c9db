import type { Clock } from '../../lib/clock.ts';
import type { HistoryEvent, NewEvent, OpenHistory } from './history.ts';
import { apply, type ScopeProgress } from './progress.ts';
import { StateFailure } from './state-failure.ts';

/** Step Functions ends an execution whose history has so many events. */
const EVENT_LIMIT = 25_000;

/** Records what happens: numbers it, folds it into the progress, shows it to the listener and writes it to the history. */
export class EventLog {
  readonly #history: OpenHistory;
  readonly #clock: Clock;
  readonly #listener: (event: HistoryEvent, recorded: boolean) => void;
  readonly #onFault: (error: unknown) => void;
  #written: Promise<void> = Promise.resolve();

  /** `onFault` is told when an event could not be written; nothing may be begun after that. */
  constructor(
    history: OpenHistory,
    clock: Clock,
    listener: (event: HistoryEvent, recorded: boolean) => void,
    onFault: (error: unknown) => void,
  ) {
    this.#history = history;
    this.#clock = clock;
    this.#listener = listener;
    this.#onFault = onFault;
  }

  /** Throws the failure that ends an execution whose history is full; its end itself always finds room. */
  record(scope: ScopeProgress, path: readonly string[], body: NewEvent): void {
    const id = scope.events.count + 1;
    if (id >= EVENT_LIMIT && !ENDS.has(body.type)) {
      throw new StateFailure(
        'States.Runtime',
        `The execution reached the maximum number of history events (${EVENT_LIMIT}).`,
        { terminal: true },
      );
    }
    const event: HistoryEvent = {
      id,
      previousEventId: scope.lastEventId,
      timestamp: new Date(this.#clock.now()).toISOString(),
      ...(path.length === 0 ? {} : { path }),
      ...body,
    };
    apply(scope, event);
    this.#listener(event, false);
    this.#written = this.#history.append(event);
    this.#written.catch(this.#onFault);
  }

  /** Resolves when everything recorded so far will outlive a power cut. Awaited before anything outside is touched. */
  durable(): Promise<void> {
    return this.#written;
  }
}

/** Whether a history has no room for another state. */
export function isFull(scope: ScopeProgress): boolean {
  return scope.events.count >= EVENT_LIMIT;
}

const ENDS: ReadonlySet<string> = new Set<NewEvent['type']>([
  'ExecutionSucceeded',
  'ExecutionFailed',
  'ExecutionTimedOut',
  'ExecutionAborted',
]);
