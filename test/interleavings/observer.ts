import type { Bank } from '../../lib/bank/bank.ts';
import { checkpointOfKey } from '../../lib/bank/collect/listed-objects.ts';
import { namesInRoot } from '../../lib/bank/collect/root-names.ts';
import { digestOf } from '../../lib/bank/object-ref.ts';
import { type CheckpointRecord, isRooted } from '../../lib/bank/register/record.ts';
import { TOMBSTONE } from '../../lib/bank/register/series.ts';
import { readRoot } from '../../lib/bank/roots.ts';
import { ObjectNotFound } from '../../lib/bank/store/errors.ts';
import type { ObjectStore } from '../../lib/bank/store/object-store.ts';
import { restoredDisk } from '../lib/bank/read/restored.ts';

/** Something was lost, or would have been, or was said that is not so. */
export class BankBroken extends Error {
  override readonly name = 'BankBroken' as const;
}

/** What the bank's place holds: digest of the bytes, and of a root what it names. */
interface Held {
  readonly digest: string;
  readonly names: readonly string[];
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
  /** Pins, by id, that their readers rely on, with the roots. */
  readonly reliedOn = new Map<string, string>();
  /** What the disks of executions' checkpoints must hold. */
  readonly contents = new Map<string, Buffer>();
  deletedObjects = 0;
  /** Roots that compactions replaced. */
  compactions = 0;
  /** The bank on the stores themselves. */
  #bank: Bank | undefined;
  readonly #register = new Map<string, Buffer>();
  readonly #held = new Map<string, Held>();
  /** Objects of a checkpoint that were deleted. */
  readonly #lost = new Map<string, string>();
  readonly #pruned = new Set<string>();
  readonly #decoded = new Map<Buffer, CheckpointRecord>();
  #changed = false;
  /** What was found while a process was at work, which must not hear of it. */
  #broken: BankBroken | undefined;

  /** The bank on the stores themselves, once there is one. */
  set bank(bank: Bank) {
    this.#bank = bank;
  }

  get bank(): Bank {
    if (this.#bank === undefined) throw new Error('There is no bank yet.');
    return this.#bank;
  }

  /** Puts the observer between a store and its users. */
  watch(store: ObjectStore, place: 'register' | 'bank'): ObjectStore {
    const seen = async (key: string, body: Uint8Array) => {
      this.#changed = true;
      if (place === 'register') this.#register.set(key, Buffer.from(body));
      else await this.#seeData(store, key, body);
    };
    // Whose answer was lost may have taken effect.
    const look = async (keys: readonly string[]) => {
      for (const key of keys) {
        const body = await store.get(key).catch(ignoreMissing);
        if (body === undefined) this.#forget(key, place);
        else await seen(key, body);
      }
    };
    const watched = async <T>(keys: readonly string[], act: () => Promise<T>): Promise<T> => {
      try {
        return await act();
      } catch (error) {
        await look(keys);
        throw error;
      }
    };
    return {
      ...store,
      put: async (key, body, options) => {
        await watched([key], () => store.put(key, body, options));
        await seen(key, body);
      },
      putIfAbsent: async (key, body, options) => {
        const created = await watched([key], () => store.putIfAbsent(key, body, options));
        if (created) await seen(key, body);
        return created;
      },
      delete: async (keys, options) => {
        await watched(keys, () => store.delete(keys, options));
        for (const key of keys) this.#forget(key, place);
      },
    };
  }

  /** The records as they are. */
  heads(): Map<string, CheckpointRecord | 'buried'> {
    const highest = new Map<string, { generation: number; body: Buffer }>();
    for (const [key, body] of this.#register) {
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

  live(): CheckpointRecord[] {
    return [...this.heads().values()].filter((head) => head !== 'buried');
  }

  /** Keys of the register that are no tombstones of records. */
  registerKeys(prefix: string): string[] {
    return [...this.#register.keys()].filter(
      (key) => key.startsWith(prefix) && !key.endsWith(`/${String(TOMBSTONE)}`),
    );
  }

  /** What the bank's place holds beside bank.json and keys. */
  dataKeys(): string[] {
    return [...this.#held.keys()].filter((key) => checkpointOfKey(key) !== undefined);
  }

  /** Whether the bank's place has an object below the prefix. */
  holds(prefix: string): boolean {
    for (const key of this.#held.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  namesOf(root: string): readonly string[] {
    return this.#held.get(root)?.names ?? [];
  }

  /** Whether the pin is held, with this root: one that is taken anew may hold another. */
  isPinHeld(id: string, root = this.reliedOn.get(id)): boolean {
    const generations = this.registerKeys(`pins/${id}/`);
    const body = this.#register.get(generations.sort().at(-1) ?? '');
    const isBuried = this.#register.has(`pins/${id}/${String(TOMBSTONE)}`);
    const isOf = root === undefined || body?.includes(`"key":"${root}"`) === true;
    return !isBuried && isOf && body?.includes('"state":"HELD"') === true;
  }

  async check(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    if (!this.#changed) return;
    this.#changed = false;
    for (const [checkpoint, head] of this.heads()) await this.#checkRecord(checkpoint, head);
    for (const [id, root] of this.reliedOn) {
      if (this.isPinHeld(id)) this.#mustBeWhole(root, `pin ${id} is held`);
    }
  }

  /** Reads the whole disk of a checkpoint by its root, and compares it with what was backed up. */
  async compareDisk(record: CheckpointRecord): Promise<void> {
    if (!isRooted(record)) return;
    const { checkpoint, root, execution } = record;
    const disk = await restoredDisk(this.bank, await readRoot(this.bank, root));
    this.mustEqual(disk, execution.id, checkpoint);
  }

  mustEqual(disk: Uint8Array, execution: string, checkpoint: string): void {
    const expected = this.contents.get(execution);
    if (expected !== undefined && Buffer.compare(expected, disk) === 0) return;
    throw new BankBroken(
      `Checkpoint ${checkpoint} of ${execution} holds other bytes than were backed up.`,
    );
  }

  async #seeData(store: ObjectStore, key: string, body: Uint8Array): Promise<void> {
    if (checkpointOfKey(key) === undefined) return;
    const digest = digestOf(body);
    const before = this.#held.get(key);
    if (before !== undefined && before.digest !== digest) {
      this.#broken = new BankBroken(`${key} was written twice, and not the same.`);
    }
    const places = { ...this.bank.places, bank: store };
    const named = key.startsWith('roots/')
      ? await namesInRoot({ ...this.bank, places })({ key, digest })
      : [];
    this.#held.set(key, { digest, names: [...named].map((one) => one.key) });
  }

  #forget(key: string, place: 'register' | 'bank'): void {
    this.#changed = true;
    if (place === 'register') this.#register.delete(key);
    else if (this.#held.delete(key)) {
      this.deletedObjects += 1;
      this.#lost.set(checkpointOfKey(key) ?? '', key);
    }
  }

  async #checkRecord(checkpoint: string, head: CheckpointRecord | 'buried'): Promise<void> {
    if (head === 'buried' || head.state === 'ABORTED' || head.state === 'COLLECTING') {
      if (this.committed.has(checkpoint) && !this.#pruned.has(checkpoint)) {
        throw new BankBroken(`${checkpoint} was committed and is over, and nobody pruned it.`);
      }
      this.over.add(checkpoint);
      return;
    }
    if (this.over.has(checkpoint))
      throw new BankBroken(`${checkpoint} was over, and is ${head.state}.`);
    if (head.state === 'DELETING') this.#pruned.add(checkpoint);
    if (isRooted(head)) {
      const known = this.committed.get(checkpoint);
      this.#mustBeWhole(head.root.key, `${checkpoint} is ${head.state}`);
      if (known === head.root.key) return;
      if (known !== undefined) {
        if (head.compacted === undefined)
          throw new BankBroken(`${checkpoint} was committed twice.`);
        this.compactions += 1;
      }
      this.committed.set(checkpoint, head.root.key);
      await this.compareDisk(head);
      return;
    }
    for (const { root, confirmed } of head.pins) {
      if (confirmed) this.#mustBeWhole(root.key, `${checkpoint} is OPEN and builds on it`);
    }
    const lost = this.#lost.get(checkpoint);
    if (lost !== undefined)
      throw new BankBroken(`${checkpoint} is OPEN, and its ${lost} was deleted.`);
  }

  #mustBeWhole(root: string, because: string): void {
    const held = this.#held.get(root);
    if (held === undefined) throw new BankBroken(`${root} was deleted although ${because}.`);
    const lost = held.names.find((name) => !this.#held.has(name));
    if (lost !== undefined) {
      throw new BankBroken(`${lost}, which ${root} names, was deleted although ${because}.`);
    }
  }

  #decode(body: Buffer): CheckpointRecord {
    const record =
      this.#decoded.get(body) ??
      (JSON.parse(body.toString().split('\n', 1)[0] ?? '') as CheckpointRecord);
    this.#decoded.set(body, record);
    return record;
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof ObjectNotFound)) throw error;
}
