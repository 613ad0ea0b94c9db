import type { Clock } from '../../../../lib/clock.ts';

interface Turn {
  process: string;
  /** The step before which it is not taken while others wait. */
  notBefore: number;
  take: () => void;
}

/** Share of the turns that come late, and by how many steps at most: long enough for everything else to happen meanwhile. */
const STALL_RATE = 0.02;
const MAX_STALL = 1000;

/**
 * Runs asynchronous processes against each other so that at every moment one of them takes one step: it waits where it calls `turn`,
 * and which of those that wait goes on is drawn from a seed. Time passes from step to step. The same seed gives the same run.
 */
export class Scheduler {
  readonly random: () => number;
  readonly clock: Clock;
  steps = 0;
  /** Processes that were killed, and calls that were made to fail. */
  kills = 0;
  faults = 0;
  #waiting: Turn[] = [];
  readonly #killed = new Set<string>();
  readonly #failures: unknown[] = [];
  #nowMilliseconds = Date.UTC(2026, 0, 1);

  constructor(seed: number) {
    this.random = mulberry32(seed);
    this.clock = {
      now: () => this.#nowMilliseconds,
      sleep: async (milliseconds) => {
        await this.turn('a sleeper');
        this.pass(milliseconds);
      },
    };
  }

  /** Waits until it is this process's turn; for ever once it was killed. */
  async turn(process: string): Promise<void> {
    const isStalled = this.random() < STALL_RATE;
    const notBefore = isStalled ? this.steps + this.random() * MAX_STALL : 0;
    await new Promise<void>((take) => this.#waiting.push({ process, notBefore, take }));
  }

  pass(milliseconds: number): void {
    this.#nowMilliseconds += milliseconds;
  }

  /** Starts a process; what it throws ends the run. */
  start(process: () => Promise<void>): void {
    process().catch((error: unknown) => this.#failures.push(error));
  }

  /** The process takes no more steps. What it has sent may still arrive. */
  kill(process: string): void {
    this.#killed.add(process);
    this.kills += 1;
  }

  /** Takes steps until nobody waits or `maxSteps` are taken, and calls `afterStep` after each. */
  async run(maxSteps: number, afterStep: () => void): Promise<void> {
    for (; this.steps < maxSteps; this.steps++) {
      // Nothing in a process is slower than the microtasks that run before this.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#failures.length > 0) throw this.#failures[0];
      this.#waiting = this.#waiting.filter(({ process }) => !this.#killed.has(process));
      const due = this.#waiting.filter(({ notBefore }) => notBefore <= this.steps);
      const turn = this.pick(due.length > 0 ? due : this.#waiting);
      if (turn === undefined) return;
      this.#waiting.splice(this.#waiting.indexOf(turn), 1);
      turn.take();
      await new Promise((resolve) => setImmediate(resolve));
      afterStep();
    }
  }

  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.random() * items.length)];
  }

  hex(bytes: number): string {
    return Array.from({ length: bytes }, () =>
      Math.floor(this.random() * 256)
        .toString(16)
        .padStart(2, '0'),
    ).join('');
  }
}

/** A small generator of numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
