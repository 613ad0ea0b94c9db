import type { Clock } from '../../lib/clock.ts';
import { randomNumbers } from '../../local/demo-cloud/faults.ts';

/** What the calls of a killed process get, so that what it holds in memory is let go of. None of them has an effect. */
export class Killed extends Error {
  override readonly name = 'Killed' as const;
}

interface Turn {
  readonly process: string;
  /** The step before which it is not taken while others wait. */
  readonly notBefore: number;
  take(): Promise<void>;
  kill(): void;
}

/**
 * Shares of the turns that come late, one for each run, and by how many steps at most: long enough for everything else to happen
 * meanwhile.
 */
const STALL_RATES = [0.01, 0.02, 0.06];
const MAX_STALL = 600;
/** Share of the turns after which a process goes on alone for a while, and for how many steps at most. */
const BURST_RATE = 0.05;
const MAX_BURST = 40;
/** How often a process is drawn, against others. */
const WEIGHTS = [1, 1, 1, 0.2, 5];

/**
 * Runs asynchronous processes against each other so that at every moment one of them takes one step: it waits where it calls `perform`,
 * and which of those that wait goes on is drawn from a seed. What a step does, on whatever store, is over before the next one. Time passes
 * from step to step. The same seed gives the same run.
 */
export class Scheduler {
  readonly random: () => number;
  readonly clock: Clock;
  steps = 0;
  /** Processes that were killed, and calls that were made to fail. */
  kills = 0;
  faults = 0;
  /** False: nothing fails, stalls or dies any more. */
  isRough = true;
  #waiting: Turn[] = [];
  #burst: { process: string; left: number } | undefined;
  readonly #meanStepMilliseconds: number;
  readonly #stallRate: number;
  readonly #weights = new Map<string, number>();
  readonly #killed = new Set<string>();
  /** Processes that are to be killed, with the steps that they have left. */
  readonly #doomed = new Map<string, number>();
  readonly #failures: unknown[] = [];
  #running = 0;
  #nowMilliseconds = Date.UTC(2026, 0, 1);

  constructor(seed: number) {
    this.random = randomNumbers(seed);
    // Leases run out while their holders are at work, in some runs more than in others.
    this.#meanStepMilliseconds = this.pick([500, 2000, 8000]) ?? 0;
    this.#stallRate = this.pick(STALL_RATES) ?? 0;
    this.clock = {
      now: () => this.#nowMilliseconds,
      sleep: async (milliseconds) => {
        await this.perform('a sleeper', async () => {
          this.pass(milliseconds);
        });
      },
    };
  }

  /**
   * Does something when it is this process's turn. Of a killed process nothing is done: it gets `Killed`; what was `sent` before may still
   * arrive.
   */
  async perform<T>(
    process: string,
    act: () => Promise<T>,
    { notBefore, sent }: { notBefore?: number; sent?: (() => Promise<unknown>) | undefined } = {},
  ): Promise<T> {
    if (this.#killed.has(process)) throw new Killed(process);
    const isStalled = this.isRough && this.random() < this.#stallRate;
    const stall = isStalled ? this.steps + this.random() * MAX_STALL : 0;
    return await new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        process,
        notBefore: Math.max(stall, notBefore ?? 0),
        take: async () => {
          await act().then(resolve, reject);
        },
        kill: () => {
          reject(new Killed(process));
          if (sent !== undefined && this.random() < 0.5) this.arriveLater(sent);
        },
      });
    });
  }

  /** Lets others take some steps. */
  async pause(maxSteps: number): Promise<void> {
    const notBefore = this.steps + this.random() * maxSteps;
    await this.perform('a pause', async () => {}, { notBefore });
  }

  /** A request that is on its way arrives some time, even when its sender is dead. */
  arriveLater(request: () => Promise<unknown>): void {
    this.start(async () => {
      // Nobody hears of how it ends.
      await this.perform('the network', () => request().catch(() => undefined));
    });
  }

  pass(milliseconds: number): void {
    this.#nowMilliseconds += milliseconds;
  }

  /** Starts a process; what it throws ends the run. */
  start(process: () => Promise<unknown>): void {
    this.#running += 1;
    process()
      .catch((error: unknown) => this.#failures.push(error))
      .finally(() => {
        this.#running -= 1;
      });
  }

  /** The process takes so many steps more. */
  killAfter(process: string, steps: number): void {
    this.#doomed.set(process, steps);
  }

  kill(process: string): void {
    if (this.#killed.has(process)) return;
    this.#killed.add(process);
    this.kills += 1;
    const dying = this.#waiting.filter((turn) => turn.process === process);
    this.#waiting = this.#waiting.filter((turn) => turn.process !== process);
    for (const turn of dying) turn.kill();
  }

  isKilled(process: string): boolean {
    return this.#killed.has(process);
  }

  /** Takes steps until all have ended or `maxSteps` are taken, and calls `afterStep` after each. */
  async run(maxSteps: number, afterStep: () => Promise<void>): Promise<void> {
    for (let left = maxSteps; left > 0; left--) {
      await settled();
      if (this.#failures.length > 0) throw this.#failures[0];
      const turn = this.#next();
      if (turn === 'killed') continue;
      if (turn === undefined && this.#running === 0) return;
      if (turn === undefined) throw new Error('A process waits for something beside its turn.');
      this.steps += 1;
      this.pass(this.random() * 2 * this.#meanStepMilliseconds);
      await turn.take();
      await settled();
      await afterStep();
    }
  }

  /** Whether a fault is to happen, and which; each of them as often as the others. */
  fault<Fault>(rate: number, faults: readonly Fault[]): Fault | undefined {
    if (!this.isRough || this.random() >= rate) return undefined;
    this.faults += 1;
    return this.pick(faults);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.random() * items.length)];
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) bytes[at] = Math.floor(this.random() * 256);
    return bytes;
  }

  /** The turn that is taken now; 'killed' where its process came to its end instead. */
  #next(): Turn | 'killed' | undefined {
    const turn = this.#draw();
    if (turn === undefined) return undefined;
    const left = this.isRough ? this.#doomed.get(turn.process) : undefined;
    if (left !== undefined) this.#doomed.set(turn.process, left - 1);
    if (left === 0) {
      this.kill(turn.process);
      return 'killed';
    }
    this.#waiting.splice(this.#waiting.indexOf(turn), 1);
    return turn;
  }

  #draw(): Turn | undefined {
    const isDue = ({ notBefore }: Turn) => notBefore <= this.steps;
    if (this.#burst !== undefined) {
      const { process } = this.#burst;
      const alone = this.pick(
        this.#waiting.filter((turn) => turn.process === process && isDue(turn)),
      );
      this.#burst.left -= 1;
      if (alone === undefined || this.#burst.left <= 0) this.#burst = undefined;
      if (alone !== undefined) return alone;
    }
    const due = this.#waiting.filter(isDue);
    const turn = this.#pickByWeight(due.length > 0 ? due : this.#waiting);
    if (turn !== undefined && this.isRough && this.chance(BURST_RATE)) {
      this.#burst = { process: turn.process, left: this.random() * MAX_BURST };
    }
    return turn;
  }

  #pickByWeight(turns: readonly Turn[]): Turn | undefined {
    let total = 0;
    for (const { process } of turns) total += this.#weightOf(process);
    let drawn = this.random() * total;
    for (const turn of turns) {
      drawn -= this.#weightOf(turn.process);
      if (drawn < 0) return turn;
    }
    return turns.at(-1);
  }

  #weightOf(process: string): number {
    const known = this.#weights.get(process);
    if (known !== undefined) return known;
    const weight = this.pick(WEIGHTS) ?? 1;
    this.#weights.set(process, weight);
    return weight;
  }
}

/** Nothing in a process is slower than this: it computes, and else waits for its turn. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
