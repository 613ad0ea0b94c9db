/** Servers of which one uses what another one stored, through their boot image: what is rewritten for one concerns all of its group. */
export class ServerGroups {
  readonly #above: Map<string, string>;

  constructor(links: Iterable<readonly [string, string]> = []) {
    this.#above = new Map(links);
  }

  /** By server keys. */
  join(one: string, other: string): void {
    const [first, second] = [this.groupOf(one), this.groupOf(other)].sort();
    if (first !== undefined && second !== undefined && first !== second) {
      this.#above.set(second, first);
    }
  }

  /** A server key that stands for the group. */
  groupOf(server: string): string {
    let group = server;
    for (;;) {
      const above = this.#above.get(group);
      if (above === undefined) return group;
      const further = this.#above.get(above);
      // Halves the way for whoever asks next.
      if (further !== undefined) this.#above.set(group, further);
      group = above;
    }
  }

  /** Servers that are not alone, each with its group. */
  members(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const server of this.#above.keys()) {
      const group = this.groupOf(server);
      const known = groups.get(group);
      if (known === undefined) groups.set(group, [group, server]);
      else known.push(server);
    }
    return groups;
  }

  links(): [string, string][] {
    return [...this.#above];
  }
}
