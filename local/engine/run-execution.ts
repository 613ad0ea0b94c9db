import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { InvalidInput } from '../../lib/errors.ts';
import { checkBindings } from './check-bindings.ts';
import { ExecutionAlreadyExists, ExecutionDoesNotExist, HistoryCorrupt } from './errors.ts';
import { Evaluator } from './evaluator.ts';
import { EventLog, isFull } from './event-log.ts';
import type { ExecutionOutcome, ResumeOptions, RunOptions } from './execution-options.ts';
import type { HistoryEvent, OpenHistory } from './history.ts';
import { exceedsPayloadLimit, type Json, toJson } from './json.ts';
import type { Chance } from './jsonata-functions.ts';
import { apply, type Ended, newScope, type ScopeProgress, scopeAt } from './progress.ts';
import { beginAt } from './run-parallel.ts';
import { runStates } from './run-states.ts';
import { record, type Scope } from './scope.ts';
import { sleepUntil } from './sleep-until.ts';
import { ExecutionStopped, StateFailure } from './state-failure.ts';

/**
 * Runs an execution of a state machine in this process, to its end. A name is used for one input and one definition only
 * (`ExecutionAlreadyExists` otherwise), and the same call may be made again:
 * - an execution that was cut off goes on: what was finished is not run again, a Task that was under way is;
 * - one that ended as FAILED, TIMED_OUT or ABORTED is redriven: it goes on from the states that did not succeed, their retries
 *   counted anew, items and branches that succeeded left as they are;
 * - of one that SUCCEEDED (or whose history is full) the recorded outcome is returned, and nothing is run.
 * The machine's TimeoutSeconds are those of one such run; waits and retry delays end when they would have.
 *
 * Rejects only where the execution could not be run: `InvalidInput`, `ExecutionRunning`, `HistoryCorrupt`, or what the history store
 * throws. Whatever the states do is an outcome.
 */
export async function runExecution(options: RunOptions): Promise<ExecutionOutcome> {
  const input = toJson(options.input);
  if (exceedsPayloadLimit(input)) {
    throw new InvalidInput(`the input of execution ${options.name} is larger than 256 KiB`);
  }
  return await open(options, (progress) => {
    if (progress.executionInput === undefined) return input;
    if (isDeepStrictEqual(JSON.parse(progress.executionInput), JSON.parse(input))) return input;
    throw alreadyExists(options, 'input');
  });
}

/** `runExecution` for an execution that was started before, with the input it was started with. Throws `ExecutionDoesNotExist`. */
export async function resumeExecution(options: ResumeOptions): Promise<ExecutionOutcome> {
  return await open(options, (progress) => {
    if (progress.executionInput !== undefined) return progress.executionInput;
    throw new ExecutionDoesNotExist(
      `there is no execution ${options.name} of ${options.stateMachineName} to resume`,
    );
  });
}

function alreadyExists(options: ResumeOptions, what: string): ExecutionAlreadyExists {
  return new ExecutionAlreadyExists(
    `the execution ${options.name} of ${options.stateMachineName} exists and had another ${what}; choose another name`,
  );
}

async function open(
  options: ResumeOptions,
  inputFor: (progress: ScopeProgress) => string,
): Promise<ExecutionOutcome> {
  if (!/^[\w-][\w.-]{0,79}$/.test(options.name)) {
    throw new InvalidInput(
      `${options.name} cannot be the name of an execution: use 1 to 80 of A-Z a-z 0-9 _ - .`,
    );
  }
  checkBindings(options.definition, options);
  const history = await options.history.open(options.stateMachineName, options.name);
  try {
    const progress = newScope();
    for await (const event of history.read()) {
      replay(progress, event);
      options.onEvent?.(event, true);
    }
    const input = inputFor(progress);
    const known = progress.executionInput !== undefined;
    if (known && progress.definitionSha256 !== options.definition.sha256) {
      throw alreadyExists(options, 'definition');
    }
    if (progress.closed && (progress.ended?.status === 'SUCCEEDED' || isFull(progress))) {
      return outcomeOf(progress);
    }
    return await run(options, history, progress, input);
  } finally {
    await history.close();
  }
}

function replay(progress: ScopeProgress, event: HistoryEvent): void {
  try {
    apply(scopeAt(progress, event.path), event);
  } catch (error) {
    const where = [...(event.path ?? []), `event ${event.id} (${event.type})`].join(' ');
    throw new HistoryCorrupt(`the history does not fit together at ${where}`, { cause: error });
  }
}

async function run(
  options: ResumeOptions,
  history: OpenHistory,
  progress: ScopeProgress,
  input: string,
): Promise<ExecutionOutcome> {
  const { clock, definition, stateMachineName, name } = options;
  const stop = new AbortController();
  const listener = options.onEvent ?? (() => {});
  const log = new EventLog(history, clock, listener, (fault) => stop.abort(fault));
  const chance = options.chance ?? systemChance;
  const evaluator = new Evaluator(clock, chance);
  if (progress.executionInput === undefined) {
    log.record(progress, [], {
      type: 'ExecutionStarted',
      executionStartedEventDetails: { input },
      definitionSha256: definition.sha256,
    });
  } else if (progress.closed) {
    const redriveCount = progress.redriveCount + 1;
    log.record(progress, [], {
      type: 'ExecutionRedriven',
      executionRedrivenEventDetails: { redriveCount },
    });
  }
  const scope: Scope = {
    run: { options, chance, evaluator, log },
    execution: {
      id: `local:${stateMachineName}:${name}`,
      name,
      input: JSON.parse(input) as Json,
      startTime: progress.startedAt ?? '',
    },
    path: [],
    progress,
    outerVariables: {},
    mapItem: undefined,
    signal: stop.signal,
  };
  beginAt(progress, definition.machine.StartAt, input);
  await whileAllowed(options, stop, async () => {
    await runToEnd(scope);
  });
  await log.durable();
  return outcomeOf(progress);
}

/** Runs the machine and records how it ended. Throws only what is no outcome, such as a history that cannot be written. */
async function runToEnd(scope: Scope): Promise<void> {
  try {
    const output = await runStates(scope, scope.run.options.definition.machine);
    record(scope, { type: 'ExecutionSucceeded', executionSucceededEventDetails: { output } });
  } catch (error) {
    if (error instanceof StateFailure) {
      const terminal = error.terminal ? true : undefined;
      const executionFailedEventDetails = error.details;
      record(scope, { type: 'ExecutionFailed', executionFailedEventDetails, terminal });
    } else if (error instanceof ExecutionStopped && error.status === 'TIMED_OUT') {
      const executionTimedOutEventDetails = { error: 'States.Timeout' };
      record(scope, { type: 'ExecutionTimedOut', executionTimedOutEventDetails });
    } else if (error instanceof ExecutionStopped) {
      record(scope, { type: 'ExecutionAborted', executionAbortedEventDetails: {} });
    } else throw error;
  }
}

/** Runs `work` with `stop` aborting when the caller's signal does and when the machine's TimeoutSeconds are over. */
async function whileAllowed(
  options: ResumeOptions,
  stop: AbortController,
  work: () => Promise<void>,
): Promise<void> {
  const { clock, definition, signal } = options;
  const abort = () => stop.abort(new ExecutionStopped('ABORTED'));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = new AbortController();
  const seconds = definition.machine.TimeoutSeconds;
  const timing =
    seconds === undefined
      ? Promise.resolve()
      : sleepUntil(clock, clock.now() + seconds * 1000, timer.signal).then(
          () => stop.abort(new ExecutionStopped('TIMED_OUT')),
          () => {},
        );
  try {
    await work();
  } finally {
    signal?.removeEventListener('abort', abort);
    timer.abort();
    await timing;
  }
}

function outcomeOf(progress: ScopeProgress): ExecutionOutcome {
  const ended: Ended | undefined = progress.ended;
  if (ended === undefined) throw new Error('the execution has not ended');
  if (ended.status === 'SUCCEEDED') {
    return { status: 'SUCCEEDED', output: JSON.parse(ended.output) as Json };
  }
  const { status, error, cause } = ended;
  return {
    status,
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
  };
}

const systemChance: Chance = { random: Math.random, uuid: () => randomUUID() };
