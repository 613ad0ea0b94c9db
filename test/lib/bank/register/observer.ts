import { type CheckpointRecord, isRooted } from '../../../../lib/bank/register/record.ts';
import { TOMBSTONE } from '../../../../lib/bank/register/series.ts';
import type { ObjectStore } from '../../../../lib/bank/store/object-store.ts';

/** Objects as the observer holds them: what a root names, null for other data. */
type BankObjects = Map<string, readonly string[] | null>;

interface Watched {
  readonly register: Map<string, Buffer>;
  readonly bank: BankObjects;
  /** Data objects that were ever put. */
  readonly ever: Set<string>;
}

/**
 * Sees the stores themselves, without waiting and without faults, and knows what was there before. `check` throws when what the
 * protocol promises does not hold at this moment.
 */
export class Observer {
  /** Checkpoints that were COMMITTED at some time, with the roots that they had last. */
  readonly committed = new Map<string, string>();
  /** Checkpoints that were ABORTED, COLLECTING or buried at some time. */
  readonly over = new Set<string>();
  /** Pins, by id, that their readers rely on. */
  readonly reliedOn = new Map<string, string>();
  deletions = 0;
  /** Roots that compactions replaced. */
  compactions = 0;
  readonly #watched: Watched = { register: new Map(), bank: new Map(), ever: new Set() };
  readonly #decoded = new Map<Buffer, CheckpointRecord>();
  #changed = false;

  /** Puts the observer between a store and its users. */
  watch(store: ObjectStore, place: 'register' | 'bank'): ObjectStore {
    const seen = (key: string, body: Uint8Array) => {
      this.#changed = true;
      if (place === 'register') {
        this.#watched.register.set(key, Buffer.from(body));
      } else {
        this.#watched.ever.add(key);
        this.#watched.bank.set(key, namesIn(key, body));
      }
    };
    return {
      ...store,
      put: async (key, body) => {
        await store.put(key, body);
        seen(key, body);
      },
      putIfAbsent: async (key, body) => {
        const created = await store.putIfAbsent(key, body);
        if (created) seen(key, body);
        return created;
      },
      delete: async (keys) => {
        await store.delete(keys);
        this.#changed = true;
        for (const key of keys) this.#watched[place].delete(key);
        if (place === 'bank') this.deletions += keys.length;
      },
    };
  }

  /** The records as they are. */
  heads(): Map<string, CheckpointRecord | 'buried'> {
    const highest = new Map<string, { generation: number; body: Buffer }>();
    for (const [key, body] of this.#watched.register) {
      const [kind, , checkpoint, digits] = key.split('/');
      if (kind !== 'records' || checkpoint === undefined) continue;
      const generation = Number(digits);
      const known = highest.get(checkpoint);
      if (known === undefined || known.generation < generation) {
        highest.set(checkpoint, { generation, body });
      }
    }
    return new Map(
      [...highest].map(([checkpoint, { generation, body }]) => [
        checkpoint,
        generation === TOMBSTONE ? 'buried' : this.#decode(body),
      ]),
    );
  }

  /** Checkpoints to prune or bring back; those that are built on several times, since there it matters. */
  worthPruning(): CheckpointRecord[] {
    const live = [...this.heads().values()].filter((head) => head !== 'buried');
    const pinned = live.flatMap((head) =>
      head.state === 'OPEN' ? head.pins.map(({ checkpoint }) => checkpoint) : [],
    );
    const builtOn = live.filter(({ checkpoint }) => pinned.includes(checkpoint));
    return [...live, ...builtOn, ...builtOn, ...builtOn];
  }

  isPinHeld(id: string): boolean {
    const generations = [...this.#watched.register.keys()].filter((key) =>
      key.startsWith(`pins/${id}/`),
    );
    const body = this.#watched.register.get(generations.sort().at(-1) ?? '');
    return body !== undefined && body.length > 0 && body.includes('"state":"HELD"');
  }

  check(): void {
    if (!this.#changed) return;
    this.#changed = false;
    for (const [checkpoint, head] of this.heads()) this.#checkRecord(checkpoint, head);
    for (const [id, root] of this.reliedOn) {
      if (this.isPinHeld(id)) this.#mustBeWhole(root, `pin ${id} is held`);
    }
  }

  #checkRecord(checkpoint: string, head: CheckpointRecord | 'buried'): void {
    if (head === 'buried' || head.state === 'ABORTED' || head.state === 'COLLECTING') {
      this.over.add(checkpoint);
      return;
    }
    if (this.over.has(checkpoint)) throw new Error(`${checkpoint} was over, and is ${head.state}`);
    if (isRooted(head)) {
      const known = this.committed.get(checkpoint);
      if (known !== undefined && known !== head.root.key) {
        if (head.compacted === undefined) throw new Error(`${checkpoint} was committed twice`);
        this.compactions += 1;
      }
      this.committed.set(checkpoint, head.root.key);
      this.#mustBeWhole(head.root.key, `${checkpoint} is ${head.state}`);
      return;
    }
    for (const { root, confirmed } of head.state === 'OPEN' ? head.pins : []) {
      if (confirmed) this.#mustBeWhole(root.key, `${checkpoint} is OPEN and builds on it`);
    }
    for (const key of this.#watched.ever) {
      if (key.includes(checkpoint) && !this.#watched.bank.has(key)) {
        throw new Error(`${checkpoint} is OPEN, and its ${key} was deleted`);
      }
    }
  }

  #mustBeWhole(root: string, because: string): void {
    const names = this.#watched.bank.get(root);
    if (names == null) throw new Error(`${root} was deleted although ${because}`);
    const lost = names.find((name) => !this.#watched.bank.has(name));
    if (lost !== undefined) throw new Error(`${lost}, of ${root}, was deleted although ${because}`);
  }

  #decode(body: Buffer): CheckpointRecord {
    const record =
      this.#decoded.get(body) ??
      (JSON.parse(body.toString().split('\n', 1)[0] ?? '') as CheckpointRecord);
    this.#decoded.set(body, record);
    return record;
  }
}

/** Roots are JSON lists of keys here. */
export function namesIn(key: string, body: Uint8Array): readonly string[] | null {
  return key.startsWith('roots/') ? (JSON.parse(Buffer.from(body).toString()) as string[]) : null;
}
