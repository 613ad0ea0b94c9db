import type { ExecutionOutcome } from '../../local/engine/execution-options.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';

type Status = ExecutionOutcome['status'] | 'RUNNING';

/** An execution as the API shows it: a machine's own, or one that a distributed Map started. */
export interface ExecutionView {
  arn: string;
  name: string;
  machineArn: string;
  mapRunArn?: string;
  status: Status;
  startedAt: number;
  stoppedAt: number | undefined;
  input: string;
  output: string | undefined;
  error: string | undefined;
  cause: string | undefined;
  events: HistoryEvent[];
}

export interface MapRunView {
  arn: string;
  executionArn: string;
  startedAt: number;
  /** Items that the Map was given; 0 where it reads them. */
  length: number;
  children: ExecutionView[];
}

/** Sorts the history that the embedded engine writes of an execution and all its children into the executions of the API. */
export class RecordedExecution {
  readonly views: ExecutionView[] = [];
  readonly mapRuns: MapRunView[] = [];
  readonly #byPath = new Map<string, ExecutionView>();
  /** The newest run of a Map, by path and label. */
  readonly #runs = new Map<string, MapRunView>();
  #length = 0;

  constructor(arn: string, machineArn: string, name: string, input: string) {
    this.#add('', { ...emptyView(arn, machineArn, name), input });
  }

  get root(): ExecutionView {
    const [root] = this.views;
    if (root === undefined) throw new Error('There is no execution.');
    return root;
  }

  record(event: HistoryEvent): void {
    const path = event.path ?? [];
    const view = this.#viewOf(path);
    view.events.push(event);
    const at = Date.parse(event.timestamp);
    if (event.type === 'ExecutionStarted') {
      view.startedAt = at;
      view.input = event.executionStartedEventDetails.input;
    } else if (event.type === 'MapStateStarted') {
      this.#length = event.mapStateStartedEventDetails.length;
    } else if (event.type === 'MapRunStarted') {
      const mapRunArn = mapRunArnOf(view.machineArn, event.mapRunStartedEventDetails.mapRunArn);
      event.mapRunStartedEventDetails.mapRunArn = mapRunArn;
      const run = {
        arn: mapRunArn,
        executionArn: view.arn,
        startedAt: at,
        length: this.#length,
        children: [],
      };
      this.mapRuns.push(run);
      this.#runs.set([...path, labelIn(mapRunArn)].join('/'), run);
    } else if (event.type === 'ExecutionSucceeded') {
      end(view, 'SUCCEEDED', at);
      view.output = event.executionSucceededEventDetails.output;
    } else if (event.type === 'ExecutionFailed') {
      end(view, 'FAILED', at, event.executionFailedEventDetails);
    } else if (event.type === 'ExecutionAborted') {
      end(view, 'ABORTED', at);
    } else if (event.type === 'ExecutionTimedOut') {
      end(view, 'TIMED_OUT', at, event.executionTimedOutEventDetails);
    }
  }

  /** Items of a distributed Map have executions of their own; those of an inline one are part of the execution around them. */
  #viewOf(path: readonly string[]): ExecutionView {
    const known = this.#byPath.get(path.join('/'));
    if (known !== undefined) return known;
    const around = path.slice(0, -1);
    const label = (path.at(-1) ?? '').replace(/\[\d+\]$/, '');
    const run = this.#runs.get([...around, label].join('/'));
    return run === undefined ? this.#viewOf(around) : this.#childOf(run, path, label);
  }

  #childOf(run: MapRunView, path: readonly string[], label: string): ExecutionView {
    const machineArn = `${this.root.machineArn}/${label}`;
    const name = [this.root.name, ...path].join('.').replaceAll(/[[\]]/g, '_');
    const arn = `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;
    const view = { ...emptyView(arn, machineArn, name), mapRunArn: run.arn };
    run.children.push(view);
    return this.#add(path.join('/'), view);
  }

  #add(key: string, view: ExecutionView): ExecutionView {
    this.views.push(view);
    this.#byPath.set(key, view);
    return view;
  }
}

/** Says how an execution ended. */
export function end(
  view: ExecutionView,
  status: ExecutionOutcome['status'],
  at: number,
  { error, cause }: { error?: string | undefined; cause?: string | undefined } = {},
): void {
  view.status = status;
  view.stoppedAt = at;
  view.error ??= error;
  view.cause ??= cause;
}

function emptyView(arn: string, machineArn: string, name: string): ExecutionView {
  return {
    arn,
    name,
    machineArn,
    status: 'RUNNING',
    startedAt: Date.now(),
    stoppedAt: undefined,
    input: 'null',
    output: undefined,
    error: undefined,
    cause: undefined,
    events: [],
  };
}

/** From `local:snapbank-backup/ProtectServers:6f1c…`, which the embedded engine says. */
function mapRunArnOf(machineArn: string, local: string): string {
  const account = machineArn.slice(0, machineArn.indexOf(':stateMachine:'));
  return `${account}:mapRun:${local.replace(/^local:/, '')}`;
}

function labelIn(mapRunArn: string): string {
  return /\/([^/:]+):[^:]+$/.exec(mapRunArn)?.[1] ?? '';
}
