import type { Clock } from '../lib/clock.ts';

/** Turns of the event loop without anything new after which everything that could run is taken to have run. */
const QUIET_TURNS = 16;
/** The kernel may hold a segment between two sockets of this process for a moment: the turns must last that long. */
const QUIET_SOCKET_MILLISECONDS = 5;

export interface VirtualClockOptions {
  /** What `now()` says at first; 2026-01-01T00:00:00Z unless given. */
  startMilliseconds?: number;
  /** `false`: time moves only by `advance`. Default `true`: it moves to the next sleeper as soon as everything is idle. */
  automatic?: boolean;
}

interface Sleeper {
  dueMilliseconds: number;
  wake: () => void;
}

/**
 * A clock for tests on which hours pass at once. Sleepers wake in the order of their due times, equal ones in the order in which
 * they went to sleep, and between two due times everything that was woken runs until it sleeps or ends: the same code gives the same run.
 *
 * Idle means: for some turns of the event loop no sleeper came or went, no input or output was seen (HTTP to a server in this
 * process is) and no file was being read or written. Work that this cannot see, such as compression on another thread or a child
 * process, is given to `hold`.
 */
export class VirtualClock implements Clock {
  readonly startMilliseconds: number;
  readonly #automatic: boolean;
  readonly #held = new Set<Promise<unknown>>();
  /** Ascending by due time. */
  readonly #sleepers: Sleeper[] = [];
  #nowMilliseconds: number;
  #changes = 0;
  #pumping = false;

  constructor(options: VirtualClockOptions = {}) {
    this.startMilliseconds = options.startMilliseconds ?? Date.UTC(2026, 0, 1);
    this.#nowMilliseconds = this.startMilliseconds;
    this.#automatic = options.automatic ?? true;
  }

  now(): number {
    return this.#nowMilliseconds;
  }

  /** Virtual milliseconds since the clock was made. */
  get elapsedMilliseconds(): number {
    return this.#nowMilliseconds - this.startMilliseconds;
  }

  /** How many sleeps are under way. */
  get sleeperCount(): number {
    return this.#sleepers.length;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = {
      dueMilliseconds: this.#nowMilliseconds + Math.max(0, milliseconds),
      wake: resolve,
    };
    const abort = () => {
      this.#changes += 1;
      this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
      reject(signal?.reason as Error);
    };
    this.#changes += 1;
    this.#sleepers.splice(this.#positionAfter(sleeper.dueMilliseconds), 0, sleeper);
    signal?.addEventListener('abort', abort, { once: true });
    if (this.#automatic) void this.#pump();
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Moves time on by `milliseconds`, waking whoever is due on the way, and lets everything that woke run until it is idle. */
  async advance(milliseconds: number): Promise<void> {
    const targetMilliseconds = this.#nowMilliseconds + milliseconds;
    await this.#idle();
    for (;;) {
      const first = this.#sleepers[0];
      if (first === undefined || first.dueMilliseconds > targetMilliseconds) break;
      this.#wakeUntil(first.dueMilliseconds);
      await this.#idle();
    }
    this.#nowMilliseconds = Math.max(this.#nowMilliseconds, targetMilliseconds);
  }

  /** Time stands still until `work` has settled. */
  async hold<T>(work: Promise<T>): Promise<T> {
    this.#held.add(work);
    try {
      return await work;
    } finally {
      this.#held.delete(work);
    }
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    await this.#idle();
    for (let first = this.#sleepers[0]; first !== undefined; first = this.#sleepers[0]) {
      this.#wakeUntil(first.dueMilliseconds);
      await this.#idle();
    }
    this.#pumping = false;
  }

  #wakeUntil(dueMilliseconds: number): void {
    this.#nowMilliseconds = Math.max(this.#nowMilliseconds, dueMilliseconds);
    for (const sleeper of this.#sleepers.splice(0, this.#positionAfter(dueMilliseconds))) {
      sleeper.wake();
    }
  }

  async #idle(): Promise<void> {
    let seen = this.#activity();
    let quietSince = performance.now();
    for (let quietTurns = 1; ; quietTurns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#held.size > 0) await Promise.allSettled(this.#held);
      const activity = this.#activity();
      const inFlight = resourcesInFlight();
      if (activity !== seen || inFlight === 'files') {
        quietTurns = 0;
        quietSince = performance.now();
      }
      seen = activity;
      if (quietTurns < QUIET_TURNS) continue;
      if (inFlight === 'none' || performance.now() - quietSince > QUIET_SOCKET_MILLISECONDS) return;
    }
  }

  #activity(): number {
    return this.#changes + performance.nodeTiming.uvMetricsInfo.events;
  }

  #positionAfter(dueMilliseconds: number): number {
    let low = 0;
    let high = this.#sleepers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sleepers[middle]?.dueMilliseconds ?? 0) <= dueMilliseconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function resourcesInFlight(): 'files' | 'sockets' | 'none' {
  const resources = process.getActiveResourcesInfo();
  if (resources.some((resource) => resource.includes('Req'))) return 'files';
  return resources.includes('TCPSocketWrap') ? 'sockets' : 'none';
}
