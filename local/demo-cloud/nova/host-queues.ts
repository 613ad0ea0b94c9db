interface Host {
  busy: number;
  /** What begins next, the longest waiting first. */
  waiting: ((atMs: number) => void)[];
}

/** What compute hosts do a few of at a time. */
export class HostQueues {
  readonly #places: number;
  readonly #hosts = new Map<string, Host>();
  #longest = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** The largest number that was ever asked of one host at once, those that wait included. */
  get longest(): number {
    return this.#longest;
  }

  /** Calls `begin` with the time when it has a place on the host: at once where one is free. */
  enter(name: string, atMs: number, begin: (atMs: number) => void): void {
    const host = this.#hostOf(name);
    this.#longest = Math.max(this.#longest, host.busy + host.waiting.length + 1);
    if (host.busy >= this.#places) {
      host.waiting.push(begin);
      return;
    }
    host.busy += 1;
    begin(atMs);
  }

  /** The place goes to whoever waits. */
  leave(name: string, atMs: number): void {
    const host = this.#hostOf(name);
    const next = host.waiting.shift();
    if (next === undefined) host.busy -= 1;
    else next(atMs);
  }

  #hostOf(name: string): Host {
    const host = this.#hosts.get(name) ?? { busy: 0, waiting: [] };
    this.#hosts.set(name, host);
    return host;
  }
}
