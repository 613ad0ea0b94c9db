import type { HistoryEvent } from '../../local/engine/history.ts';
import type { LongPasses, MachineName } from '../../local/machines.ts';

/** A state as an execution went through it, once: what it was given, what its service answered, and what came out. */
export interface StateVisit {
  machine: MachineName;
  longPasses: LongPasses;
  state: string;
  type: string;
  /** JSON. */
  input: string;
  /** JSON by name: the variables when it was entered. */
  variables: Record<string, string>;
  /** Of a Task that a service answered in the end, or failed. */
  answer?: { result: string } | { error: string; cause: string };
  output: string;
  next: string | null;
}

interface Open extends Omit<StateVisit, 'output' | 'next'> {
  path: string;
}

/** Collects the visits of a machine from the events of the embedded engine. */
export class VisitCollector {
  readonly visits: StateVisit[] = [];
  readonly #machine: MachineName;
  readonly #longPasses: LongPasses;
  readonly #open = new Map<string, Open>();
  readonly #variables = new Map<string, Record<string, string>>();

  constructor(machine: MachineName, longPasses: LongPasses) {
    this.#machine = machine;
    this.#longPasses = longPasses;
  }

  follow(event: HistoryEvent): void {
    const path = event.path?.join('/') ?? '';
    if ('stateEnteredEventDetails' in event) {
      const { name, input } = event.stateEnteredEventDetails;
      this.#open.set(path, {
        machine: this.#machine,
        longPasses: this.#longPasses,
        state: name,
        type: event.type.replace('StateEntered', ''),
        path,
        input,
        variables: { ...this.#variables.get(path) },
      });
    } else if (event.type === 'TaskSucceeded') {
      this.#answered(path, { result: event.taskSucceededEventDetails.output });
    } else if (event.type === 'TaskFailed') {
      const { error = '', cause = '' } = event.taskFailedEventDetails;
      this.#answered(path, { error, cause });
    } else if ('stateExitedEventDetails' in event) {
      this.#left(path, event.stateExitedEventDetails, event.next ?? null);
    }
  }

  #answered(path: string, answer: NonNullable<StateVisit['answer']>): void {
    const open = this.#open.get(path);
    if (open !== undefined) open.answer = answer;
  }

  #left(
    path: string,
    details: { output: string; assignedVariables?: Record<string, string> | undefined },
    next: string | null,
  ): void {
    const open = this.#open.get(path);
    this.#open.delete(path);
    const { output, assignedVariables = {} } = details;
    this.#variables.set(path, { ...this.#variables.get(path), ...assignedVariables });
    if (open === undefined) return;
    const { path: _path, ...visit } = open;
    this.visits.push({ ...visit, output, next });
  }
}
