import type { Bank } from '../../lib/bank/bank.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';
import {
  BackupInProgress,
  CheckpointFenced,
  CheckpointNotFound,
  CheckpointStateRefused,
  PinFenced,
} from '../../lib/bank/register/errors.ts';
import { CollectionOvertaken, CollectionRefused } from '../../lib/bank/collect/errors.ts';
import type { ExecutionProcess } from '../../lib/bank/register/record.ts';
import { registerOn } from '../../lib/bank/register/register.ts';
import {
  ObjectNotFound,
  StoreUnavailable,
  WriteOutcomeUnknown,
} from '../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import type { ByteSource } from '../../lib/disk/disk.ts';
import { silentLog } from '../../lib/log.ts';
import type { OpenStack } from '../../lib/openstack/open-stack.ts';
import { RangeUnfinished } from '../../lib/protect/errors.ts';
import type { Services } from '../../lib/services.ts';
import { settingsFromEnvironment } from '../../lib/settings.ts';
import type { Call, StateFunction } from '../../lib/state-function.ts';
import { interleavedStore } from './interleaved-store.ts';
import type { Observer } from './observer.ts';
import { Killed, type Scheduler } from './scheduler.ts';

/** Shares of the calls to the stores that fail, one for each run. */
const FAULT_RATES = [0, 0.001, 0.003, 0.01];
/** Shares of the workers that die on the way, and after how many calls at most. */
const DEATH_RATE = 0.1;
const MAX_CALLS_TO_DEATH = 150;
/** Share of the dead that nobody comes after. */
const LAST_DEATH_RATE = 0.3;
/** Share of the functions that are taken for dead and are not: a second one does the same at the same time. */
const TWIN_RATE = 0.07;
/** Share of the looks at the time that is left at which there is none. */
const SHORT_OF_TIME_RATE = 0.003;
const FUNCTION_MILLISECONDS = 900_000;
const MAX_FAILURES = 4;

/** The store failed, or somebody else was at work: the same again may go well. */
const PASSING = [StoreUnavailable, WriteOutcomeUnknown, CollectionOvertaken];
/** How what runs here may end beside well. */
const ENDS = [
  ...PASSING,
  BackupInProgress,
  CheckpointFenced,
  CheckpointNotFound,
  CheckpointStateRefused,
  PinFenced,
];

/** The execution ended for good in the middle. */
class ExecutionDied extends Error {
  override readonly name = 'ExecutionDied' as const;
}

/** An execution of a state machine: on AWS, where its functions are many processes, or embedded, where it is one. */
export interface Execution {
  readonly id: string;
  readonly isEmbedded: boolean;
  /** Of an embedded one: the process that it now is. */
  process: string;
  isDead: boolean;
}

/** Runs executions against each other on one bank. */
export class Executions {
  readonly scheduler: Scheduler;
  readonly #places: BankPlaces;
  readonly #bank: Bank;
  readonly #observer: Observer;
  readonly #imageOf: (imageId: string) => ByteSource;
  readonly #faultRate: number;
  /** Names of processes by pid, and those that have ended. */
  readonly #processes: string[] = [];
  readonly #ended = new Set<string>();
  /** Processes that are at work. */
  readonly #running = new Set<string>();

  constructor(scheduler: Scheduler, observer: Observer, imageOf: (imageId: string) => ByteSource) {
    this.scheduler = scheduler;
    this.#observer = observer;
    this.#bank = observer.bank;
    this.#places = observer.bank.places;
    this.#imageOf = imageOf;
    this.#faultRate = scheduler.pick(FAULT_RATES) ?? 0;
  }

  /** Kills whatever runs. */
  kill(): void {
    for (const process of this.#running) this.scheduler.kill(process);
  }

  /** Does as the execution of a machine would, from its start to its end. What ends well or by name is all right. */
  async run<T>(what: string, act: (execution: Execution) => Promise<T>): Promise<T | undefined> {
    const execution: Execution = {
      id: this.#name(what),
      isEmbedded: this.scheduler.chance(0.5),
      process: '',
      isDead: false,
    };
    execution.process = this.#name(execution.id);
    try {
      return await act(execution);
    } catch (error) {
      if (!this.isOrderly(error)) throw error;
      return undefined;
    } finally {
      this.#ended.add(execution.process);
      this.#running.delete(execution.process);
    }
  }

  /** Whether it may end so. */
  isOrderly(error: unknown): boolean {
    if (error instanceof ExecutionDied || ENDS.some((kind) => error instanceof kind)) return true;
    // A twin has gone on to the end, and cleared up.
    const { location } = this.#places.work;
    return error instanceof ObjectNotFound && error.message.includes(location);
  }

  /** A Task state: a function that fails or dies is followed by another one, some times. */
  async state<Input, Output>(
    execution: Execution,
    state: StateFunction<Input, Output>,
    input: Input,
  ): Promise<Output> {
    return await this.task(execution, async (services, call) => {
      const output = await state.run(services, state.input.parse(throughJson(input)), call);
      return throughJson(output);
    });
  }

  async task<T>(
    execution: Execution,
    act: (services: Services, call: Call) => Promise<T>,
  ): Promise<T> {
    for (let failures = 0; ; ) {
      if (execution.isDead) throw new ExecutionDied(execution.id);
      const process = execution.isEmbedded ? execution.process : this.#name(execution.id);
      try {
        return await this.#worker(execution, process, act);
      } catch (error) {
        if (error instanceof RangeUnfinished) continue;
        if (error instanceof Killed) {
          this.#goOnAfter(execution, process);
          continue;
        }
        failures += 1;
        if (failures > MAX_FAILURES || !PASSING.some((kind) => error instanceof kind)) throw error;
      }
    }
  }

  /** A Map state: some items at once, and the first failure when all have ended. */
  async map<Item>(items: readonly Item[], apply: (item: Item) => Promise<unknown>): Promise<void> {
    const left = [...items];
    const failures: unknown[] = [];
    const worker = async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) {
        await apply(item).catch((error: unknown) => failures.push(error));
      }
    };
    await Promise.all([worker(), worker()]);
    if (failures.length > 0) throw failures[0];
  }

  async #worker<T>(
    execution: Execution,
    process: string,
    act: (services: Services, call: Call) => Promise<T>,
  ): Promise<T> {
    const { scheduler } = this;
    const isTwin = scheduler.isRough && !execution.isEmbedded && scheduler.chance(TWIN_RATE);
    if (isTwin) {
      const twin = this.#name(execution.id);
      scheduler.start(async () => {
        await this.#call(execution, twin, act).catch((error: unknown) => {
          // Whether it may be refused, the one that is waited for shows.
          const isFine = [Killed, RangeUnfinished, ObjectNotFound, CollectionRefused];
          if (!this.isOrderly(error) && !isFine.some((kind) => error instanceof kind)) throw error;
        });
      });
      await scheduler.pause(100);
    }
    return await this.#call(execution, process, act);
  }

  async #call<T>(
    execution: Execution,
    process: string,
    act: (services: Services, call: Call) => Promise<T>,
  ): Promise<T> {
    const { scheduler } = this;
    if (scheduler.isRough && scheduler.chance(DEATH_RATE)) {
      scheduler.killAfter(process, Math.floor(scheduler.random() * MAX_CALLS_TO_DEATH));
    }
    const { signal } = new AbortController();
    const remainingMilliseconds = () =>
      scheduler.isRough && scheduler.chance(SHORT_OF_TIME_RATE) ? 0 : FUNCTION_MILLISECONDS;
    this.#running.add(process);
    try {
      return await act(this.#services(execution, process), { signal, remainingMilliseconds });
    } finally {
      if (!execution.isEmbedded) this.#running.delete(process);
    }
  }

  /** An embedded execution is continued by another process; of a function's death the machine hears. */
  #goOnAfter(execution: Execution, process: string): void {
    if (execution.isDead) throw new ExecutionDied(execution.id);
    // Another one of its workers has seen it.
    if (execution.isEmbedded && execution.process !== process) return;
    if (!this.scheduler.isRough || this.scheduler.chance(LAST_DEATH_RATE)) {
      execution.isDead = true;
      throw new ExecutionDied(execution.id);
    }
    if (execution.isEmbedded) execution.process = this.#name(execution.id);
  }

  #services(execution: Execution, process: string): Services {
    const { scheduler } = this;
    const through = (store: ObjectStore) =>
      interleavedStore(store, {
        scheduler,
        process,
        faultRate: this.#faultRate,
        mayHold: (prefix) =>
          !/^(?:packs|segments|roots)\//.test(prefix) || this.#observer.holds(prefix),
      });
    const { bank, register, work } = this.#places;
    const places = { bank: through(bank), register: through(register), work: through(work) };
    const opened = { ...this.#bank, places };
    const identity = execution.isEmbedded ? { process: this.#identityOf(process) } : {};
    const { clock } = scheduler;
    const onRegister = registerOn({
      store: places.register,
      nameKey: opened.keys.nameKey,
      clock,
      randomHex: (bytes) => scheduler.bytes(bytes).toString('hex'),
      isProcessGone: async ({ pid }) => {
        const other = this.#processes[pid - 1];
        return other !== undefined && (scheduler.isKilled(other) || this.#ended.has(other));
      },
      ...identity,
    });
    const openstack = { images: { byteSource: (imageId: string) => this.#imageOf(imageId) } };
    return {
      settings: settingsFromEnvironment({}),
      clock,
      log: silentLog,
      places,
      bank: async () => opened,
      register: async () => onRegister,
      openstack: async () => openstack as unknown as OpenStack,
      progress: () => {},
      ...identity,
    };
  }

  #identityOf(process: string): ExecutionProcess {
    const pid = this.#processes.indexOf(process) + 1;
    return { host: 'host', bootId: 'boot', pidNamespace: 'pids', pid, startTicks: '0' };
  }

  #name(what: string): string {
    const name = `${what}-${this.#processes.length + 1}`;
    this.#processes.push(name);
    return name;
  }
}

/** As it goes from state to state. */
function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
