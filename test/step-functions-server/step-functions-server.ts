import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Services } from '../../lib/services.ts';
import type { HistoryEvent } from '../../local/engine/history.ts';
import type { Json } from '../../local/engine/json.ts';
import { runExecution } from '../../local/engine/run-execution.ts';
import { runContainerTask } from '../../local/run-container-task.ts';
import { stateFunctions } from '../../local/state-functions.ts';
import { bodyOf, localServer } from '../lib/http/local-server.ts';
import { MemoryHistories } from '../local/engine/harness.ts';
import { end, type ExecutionView, type MapRunView, RecordedExecution } from './execution.ts';
import { type DeployedMachine, deployMachines } from './machines.ts';

const REGION = 'eu-central-1';
const ACCOUNT = `arn:aws:states:${REGION}:123456789012`;

/** What goes wrong with a request, instead of its answer. `effect`: whether it takes effect all the same. */
export type Fault =
  | { kind: 'answer'; status: number; code: string; effect?: boolean }
  /** The connection is closed without an answer. */
  | { kind: 'cut'; effect?: boolean };

export interface StepFunctionsOptions {
  stack?: string;
  /** What the functions work with. */
  services: Services;
  /** Bucket and prefix of the work place, and the store of the whole bucket. */
  work: { bucket: string; prefix: string; store: ObjectStore };
  accessKeyId?: string;
}

export interface StepFunctionsServer {
  url: string;
  region: string;
  machineArn(machine: DeployedMachine['machine']): string;
  /** Names of further machines in the account. */
  otherMachines: string[];
  /** Actions in their order, the refused ones too. */
  requests: string[];
  /** Faults for the next requests of an action, in their order; then it works. */
  failNext(action: string, ...faults: Fault[]): void;
  /** Asked for every other request. */
  faultFor: (action: string) => Fault | undefined;
  /** Items of a page at most. */
  pageSize: number;
  /** Executions of machines, oldest first. */
  executions(): ExecutionView[];
  /** Resolves when nothing runs any more. */
  rest(): Promise<void>;
  /** As the machine's own time-out does. */
  timeOut(executionName: string): void;
  /** Resolves when something happened in an execution; at once where none runs. */
  change(): Promise<void>;
  close(): Promise<void>;
}

interface Running {
  recorded: RecordedExecution;
  stop: AbortController;
}

/**
 * Step Functions for tests, in this process: its JSON protocol in front of the embedded engine, which runs the deployed definitions
 * with the real functions.
 */
export async function startStepFunctions(
  options: StepFunctionsOptions,
): Promise<StepFunctionsServer> {
  const { stack = 'snapbank', work, accessKeyId = 'TESTKEY' } = options;
  const machines = await deployMachines(stack, ACCOUNT, work);
  const account = new Account(machines, options);
  const faults = new Map<string, Fault[]>();
  const http = await localServer((request, response) => {
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request).catch(() => undefined);
    if (body === undefined) return;
    const action = String(request.headers['x-amz-target']).replace('AWSStepFunctions.', '');
    server.requests.push(action);
    const fault = faults.get(action)?.shift() ?? server.faultFor(action);
    let answer: Answer;
    try {
      if (fault !== undefined && fault.effect !== true) answer = faultOf(500, 'Nothing');
      else {
        checkSigner(request, accessKeyId);
        answer = {
          status: 200,
          body: account.perform(action, JSON.parse(body.toString()) as Input),
        };
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer = faultOf(400, error.code, error.message);
    }
    if (fault?.kind === 'cut') response.destroy();
    else send(response, fault === undefined ? answer : faultOf(fault.status, fault.code));
  }

  const server: StepFunctionsServer = {
    url: http.url,
    region: REGION,
    machineArn: (machine) => `${ACCOUNT}:stateMachine:${stack}-${machine}`,
    get otherMachines() {
      return account.otherMachines;
    },
    set otherMachines(names) {
      account.otherMachines = names;
    },
    requests: [],
    failNext(action, ...given) {
      faults.set(action, [...given]);
    },
    faultFor: () => undefined,
    get pageSize() {
      return account.pageSize;
    },
    set pageSize(size) {
      account.pageSize = size;
    },
    executions: () => account.executions.map(({ recorded }) => recorded.root),
    timeOut(executionName) {
      account.endEarly(executionName, 'TIMED_OUT', { error: 'States.Timeout' });
    },
    rest: async () => await account.rest(),
    change: async () => await account.change(),
    close: async () => {
      await account.close();
      await http.close();
    },
  };
  return server;
}

type Page = Record<string, unknown> & { nextToken?: string };

/** Members of requests. */
interface Input {
  stateMachineArn?: string;
  executionArn?: string;
  mapRunArn?: string;
  name?: string;
  input?: string;
  error?: string;
  cause?: string;
  statusFilter?: string;
  reverseOrder?: boolean;
  maxResults?: number;
  nextToken?: string;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

function faultOf(status: number, code: string, message = `${code} happened`): Answer {
  return { status, body: { __type: `com.amazonaws.swf.service.v2.model#${code}`, message } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify(body));
}

/** Who asks, and in which region: the signature itself is not looked at. */
function checkSigner(request: IncomingMessage, accessKeyId: string): void {
  const { authorization = '' } = request.headers;
  const [, key, region] = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(authorization) ?? [];
  if (key !== accessKeyId) {
    throw new Refusal('UnrecognizedClientException', 'The security token is invalid.');
  }
  if (region !== REGION) throw new Refusal('InvalidArn', `The region of this server is ${REGION}.`);
}

/** The machines and executions of an account. */
class Account {
  otherMachines: string[] = [];
  pageSize = 1000;
  readonly executions: Running[] = [];
  readonly #machines: readonly DeployedMachine[];
  readonly #options: StepFunctionsOptions;
  readonly #running = new Set<Promise<unknown>>();
  #waiting = Promise.withResolvers<void>();

  constructor(machines: readonly DeployedMachine[], options: StepFunctionsOptions) {
    this.#machines = machines;
    this.#options = options;
  }

  perform(action: string, input: Input): Record<string, unknown> {
    const { stateMachineArn = '', executionArn = '', mapRunArn = '' } = input;
    switch (action) {
      case 'ListStateMachines':
        return this.#page('stateMachines', this.#listedMachines(), input);
      case 'DescribeStateMachine':
        return this.#describeMachine(stateMachineArn);
      case 'StartExecution':
        return this.#start(stateMachineArn, input.name ?? '', input.input ?? '');
      case 'StopExecution':
        return this.#stop(executionArn, input);
      case 'DescribeExecution':
        return described(this.#execution(executionArn));
      case 'GetExecutionHistory':
        return this.#history(input);
      case 'ListExecutions':
        return this.#page('executions', this.#listed(input), input);
      case 'ListMapRuns': {
        const runs = this.#mapRuns().filter((run) => run.executionArn === executionArn);
        return this.#page('mapRuns', runs.map(listedRun), input);
      }
      case 'DescribeMapRun':
        return describedRun(this.#mapRun(mapRunArn));
      default:
        throw new Refusal('UnknownOperationException', `${action} is not known here.`);
    }
  }

  endEarly(
    name: string,
    status: 'ABORTED' | 'TIMED_OUT',
    details: { error?: string | undefined; cause?: string | undefined },
  ): void {
    const found = this.executions.find(({ recorded }) => recorded.root.name === name);
    if (found === undefined) throw new Refusal('ExecutionDoesNotExist', name);
    end(found.recorded.root, status, Date.now(), details);
    found.stop.abort();
    this.#changed();
  }

  async change(): Promise<void> {
    if (this.#running.size === 0) return;
    await this.#waiting.promise;
  }

  async rest(): Promise<void> {
    await Promise.all(this.#running);
  }

  async close(): Promise<void> {
    for (const { stop } of this.executions) stop.abort();
    await this.rest();
  }

  #changed(): void {
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers();
  }

  #listedMachines() {
    const others = this.otherMachines.map((name) => ({
      name,
      arn: `${ACCOUNT}:stateMachine:${name}`,
    }));
    return [...this.#machines, ...others].map(({ name, arn }) => ({
      name,
      stateMachineArn: arn,
      type: 'STANDARD',
      creationDate: 0,
    }));
  }

  #machine(arn: string): DeployedMachine {
    const found = this.#machines.find((machine) => machine.arn === arn);
    if (found !== undefined) return found;
    throw new Refusal('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
  }

  #describeMachine(arn: string): Record<string, unknown> {
    const { name, text } = this.#machine(arn);
    return {
      stateMachineArn: arn,
      name,
      definition: text,
      roleArn: '',
      type: 'STANDARD',
      creationDate: 0,
    };
  }

  #start(stateMachineArn: string, name: string, input: string): Record<string, unknown> {
    const machine = this.#machine(stateMachineArn);
    const arn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
    const known = this.executions.find(({ recorded }) => recorded.root.arn === arn)?.recorded.root;
    if (known !== undefined && (known.status !== 'RUNNING' || known.input !== input)) {
      throw new Refusal('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    }
    if (known === undefined) this.#run(machine, arn, name, input);
    const { startedAt = Date.now() } = known ?? {};
    return { executionArn: arn, startDate: startedAt / 1000 };
  }

  #run(machine: DeployedMachine, arn: string, name: string, input: string): void {
    const { services, work } = this.#options;
    const stop = new AbortController();
    const recorded = new RecordedExecution(arn, machine.arn, name, input);
    this.executions.push({ recorded, stop });
    const run = runExecution({
      definition: machine.definition,
      stateMachineName: machine.name,
      name,
      input: JSON.parse(input) as Json,
      history: new MemoryHistories(),
      clock: systemClock,
      invoke: stateFunctions(services),
      objects: { [work.bucket]: work.store },
      runTask: async (parameters, { signal }) =>
        await runContainerTask(services, parameters, signal),
      putEvents: async () => {},
      signal: stop.signal,
      onEvent: (event) => {
        // It ended from outside: what is still under way is not seen any more.
        if (!stop.signal.aborted) recorded.record(structuredClone(event));
        this.#changed();
      },
    });
    // What it ended with stands in its history.
    const running = Promise.allSettled([run]);
    this.#running.add(running);
    void running.finally(() => {
      this.#running.delete(running);
      this.#changed();
    });
  }

  #stop(arn: string, { error, cause }: Input): Record<string, unknown> {
    const { name } = this.#execution(arn);
    this.endEarly(name, 'ABORTED', { error, cause });
    return { stopDate: Date.now() / 1000 };
  }

  #execution(arn: string): ExecutionView {
    const found = this.executions
      .flatMap(({ recorded }) => recorded.views)
      .find((view) => view.arn === arn);
    if (found !== undefined) return found;
    throw new Refusal('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
  }

  #mapRuns(): MapRunView[] {
    return this.executions.flatMap(({ recorded }) => recorded.mapRuns);
  }

  #mapRun(arn: string): MapRunView {
    const found = this.#mapRuns().find((run) => run.arn === arn);
    if (found !== undefined) return found;
    throw new Refusal('ResourceNotFound', `Resource not found: '${arn}'`);
  }

  #listed({ stateMachineArn, mapRunArn, statusFilter }: Input) {
    const views =
      mapRunArn === undefined
        ? this.executions
            .map(({ recorded }) => recorded.root)
            .filter(({ machineArn }) => machineArn === stateMachineArn)
        : this.#mapRun(mapRunArn).children;
    return views
      .filter(({ status }) => statusFilter === undefined || status === statusFilter)
      .toReversed()
      .map(({ arn, machineArn, name, status, startedAt, stoppedAt }) => ({
        executionArn: arn,
        stateMachineArn: machineArn,
        name,
        status,
        startDate: startedAt / 1000,
        ...(stoppedAt === undefined ? {} : { stopDate: stoppedAt / 1000 }),
      }));
  }

  /** A token holds how long the history was when its first page was asked for. */
  #history(input: Input): Record<string, unknown> {
    const { events } = this.#execution(input.executionArn ?? '');
    const [known = events.length, start = 0] = (input.nextToken?.split(':') ?? []).map(Number);
    const seen = events.slice(0, known);
    const ordered = input.reverseOrder === true ? seen.reverse() : seen;
    const { nextToken, ...page } = this.#page('events', ordered.map(shownEvent), {
      ...input,
      nextToken: String(start),
    });
    return nextToken === undefined ? page : { ...page, nextToken: `${String(known)}:${nextToken}` };
  }

  #page(
    field: string,
    all: readonly unknown[],
    { nextToken = '0', maxResults = 100 }: Input,
  ): Page {
    const start = Number(nextToken);
    const size = Math.min(this.pageSize, maxResults);
    const next = start + size < all.length ? { nextToken: String(start + size) } : {};
    return { [field]: all.slice(start, start + size), ...next };
  }
}

function described(view: ExecutionView): Record<string, unknown> {
  const { arn, machineArn, name, status, startedAt, stoppedAt, input } = view;
  const { output, error, cause, mapRunArn } = view;
  return {
    executionArn: arn,
    stateMachineArn: machineArn,
    name,
    status,
    startDate: startedAt / 1000,
    ...(stoppedAt === undefined ? {} : { stopDate: stoppedAt / 1000 }),
    input,
    output,
    error,
    cause,
    mapRunArn,
  };
}

/** Without what GetExecutionHistory does not have. */
function shownEvent(event: HistoryEvent): Record<string, unknown> {
  const shown = Object.entries(event).filter(
    ([key]) => key === 'type' || key.endsWith('EventDetails') || /^(previousEventI|i)d$/.test(key),
  );
  return { ...Object.fromEntries(shown), timestamp: Date.parse(event.timestamp) / 1000 };
}

function listedRun({ arn, executionArn, startedAt }: MapRunView): Record<string, unknown> {
  return { executionArn, mapRunArn: arn, stateMachineArn: '', startDate: startedAt / 1000 };
}

function describedRun({ arn, executionArn, startedAt, length, children }: MapRunView) {
  const count = (status: ExecutionView['status']) =>
    children.filter((child) => child.status === status).length;
  const counts = {
    pending: Math.max(0, length - children.length),
    running: count('RUNNING'),
    succeeded: count('SUCCEEDED'),
    failed: count('FAILED'),
    timedOut: count('TIMED_OUT'),
    aborted: count('ABORTED'),
    total: Math.max(length, children.length),
    resultsWritten: 0,
  };
  return {
    mapRunArn: arn,
    executionArn,
    startDate: startedAt / 1000,
    itemCounts: counts,
    executionCounts: counts,
  };
}
