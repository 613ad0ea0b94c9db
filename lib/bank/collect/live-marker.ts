import { abandonCheckpoint } from '../register/abandon-checkpoint.ts';
import { mapInOrder } from '../register/in-order.ts';
import { isAlive } from '../register/lease.ts';
import { listHeads } from '../register/list-checkpoints.ts';
import { fencePin, listPins, type ReaderPinRecord } from '../register/pin.ts';
import { startCollecting } from '../register/prune-checkpoint.ts';
import {
  type CheckpointRecord,
  isRooted,
  type OpenRecord,
  type RootReference,
} from '../register/record.ts';
import { type RecordHead, readRecord } from '../register/records.ts';
import type { Register } from '../register/register.ts';
import { ObjectNotFound } from '../store/errors.ts';
import type { CallOptions } from '../store/object-store.ts';
import { CollectionOvertaken, RootMissing } from './errors.ts';
import { KeyTable } from './key-table.ts';
import type { ListedObjects } from './listed-objects.ts';
import type { NamesInRoot } from './root-names.ts';

/** Records judged at once, and so roots read at once: the largest take tens of MB each. */
const AT_ONCE = 4;

export interface Marking {
  readonly register: Register;
  readonly namesIn: NamesInRoot;
  readonly objects: ListedObjects;
  readonly undeleteSeconds: number;
  /** Change nothing: take for ended what is due to be. */
  readonly dryRun: boolean;
  readonly options: CallOptions;
}

/**
 * The two passes over the records: who is dead, and then what is live. Each rule in here is one of docs/bank-format.md, "Records", which
 * says why they suffice; test/model/ shows for each what is lost without it.
 */
export class LiveMarker {
  /** Checkpoints that were ABORTED or COLLECTING in pass A. */
  readonly dead = new Set<string>();
  readonly fencedCheckpoints: string[] = [];
  readonly fencedPins = new Set<string>();
  readonly #marking: Marking;
  /** Checkpoints that were buried when pass A came to them. */
  readonly #oldGraves = new KeyTable();
  /** Keys of roots whose names are marked. */
  readonly #marked = new Set<string>();

  constructor(marking: Marking) {
    this.#marking = marking;
  }

  /** Ends what ran out, and finds the dead: what nobody can come to refer to any more. */
  async passA(): Promise<void> {
    const { register, objects, options } = this.#marking;
    await finish(mapInOrder(listPins(register, options), AT_ONCE, (pin) => this.#fenceIfDue(pin)));
    await finish(
      mapInOrder(listHeads(register, options), AT_ONCE, async ({ checkpoint, head }) => {
        objects.know(checkpoint);
        const now = await this.#endIfDue(head);
        if (now.kind === 'buried') this.#oldGraves.add(checkpoint, 0);
        if (now.kind === 'live' && isOver(now.value)) this.dead.add(checkpoint);
      }),
    );
  }

  /** Marks what anything else refers to. */
  async passB(): Promise<void> {
    const { register, options } = this.#marking;
    await finish(
      mapInOrder(listHeads(register, options), AT_ONCE, ({ checkpoint, head }) =>
        this.#judge(checkpoint, head),
      ),
    );
    await finish(
      mapInOrder(listPins(register, options), AT_ONCE, async (pin) => {
        // A root that is missing: the reader has not looked at the checkpoint again yet, and will not find it.
        if (!this.fencedPins.has(pin.id)) await this.#markNamed(pin.root);
      }),
    );
  }

  async #judge(checkpoint: string, head: RecordHead): Promise<void> {
    const { register, objects, options } = this.#marking;
    objects.know(checkpoint);
    if (this.dead.has(checkpoint)) return;
    // What it named may be what an open checkpoint builds on that this pass was too early for.
    if (head.kind === 'buried' && !this.#oldGraves.has(checkpoint)) throw overtaken(checkpoint);
    if (head.kind !== 'live') return;
    const record = head.value;
    if (record.state === 'OPEN') objects.keepAllOf(checkpoint);

    for (const { root, mustExist } of rootsNamedBy(record)) {
      if (await this.#markNamed(root)) continue;
      const now = await readRecord(register, checkpoint, options);
      if (now.kind !== 'live' || now.value.writeId !== record.writeId) {
        // It has gone on, perhaps from OPEN to COMMITTED: it is what it is now.
        await this.#judge(checkpoint, now);
        return;
      }
      // Another collector deletes already what this one only now sees given up.
      if (record.state === 'COLLECTING') throw overtaken(checkpoint);
      if (mustExist) throw rootMissing(record, root);
    }
  }

  /** False when the root is not there. */
  async #markNamed(root: RootReference): Promise<boolean> {
    const { namesIn, objects, options } = this.#marking;
    if (this.#marked.has(root.key)) return true;
    try {
      const names = await namesIn(root, options);
      objects.keep(root.key);
      for (const key of names) objects.keep(key);
    } catch (error) {
      if (error instanceof ObjectNotFound) return false;
      throw error;
    }
    this.#marked.add(root.key);
    return true;
  }

  /** Fences an open record that nobody keeps, and takes up a pruned one that can no longer be brought back. */
  async #endIfDue(head: RecordHead): Promise<RecordHead> {
    const { register, undeleteSeconds, dryRun, options } = this.#marking;
    const record = head.kind === 'live' ? head.value : undefined;
    if (record?.state === 'OPEN' && !(await isAlive(register, record))) {
      return dryRun ? this.#asIfOver(head, record) : await this.#fence(record);
    }
    const dueAt = Date.parse(record?.since ?? '') + undeleteSeconds * 1000;
    if (record?.state === 'DELETING' && dueAt <= register.clock.now()) {
      return dryRun
        ? this.#asIfOver(head, record)
        : await startCollecting(register, record, options);
    }
    return head;
  }

  #asIfOver(head: RecordHead, { checkpoint, state }: CheckpointRecord): RecordHead {
    this.dead.add(checkpoint);
    if (state === 'OPEN') this.fencedCheckpoints.push(checkpoint);
    return head;
  }

  async #fence(record: OpenRecord): Promise<RecordHead> {
    const { register, options } = this.#marking;
    const reason = 'its lease ran out, or its process is gone';
    const { checkpoint } = record;
    const seen = { reason, asSeen: record, ...options };
    const after = await abandonCheckpoint(register, checkpoint, seen);
    if (after === 'ABORTED') this.fencedCheckpoints.push(checkpoint);
    return await readRecord(register, checkpoint, options);
  }

  async #fenceIfDue(pin: ReaderPinRecord): Promise<void> {
    const { register, dryRun, options } = this.#marking;
    if (await isAlive(register, pin)) return;
    if (dryRun || (await fencePin(register, pin, options))) this.fencedPins.add(pin.id);
  }
}

/** Roots whose names are live by this record, and whether they must be there. */
function rootsNamedBy(record: CheckpointRecord): { root: RootReference; mustExist: boolean }[] {
  if (isRooted(record)) return [{ root: record.root, mustExist: true }];
  if (record.state !== 'OPEN') return [];
  // An unconfirmed pin may be on a checkpoint that was collected before: its writer will see that.
  return record.pins.map(({ root, confirmed }) => ({ root, mustExist: confirmed }));
}

function isOver({ state }: CheckpointRecord): boolean {
  return state === 'ABORTED' || state === 'COLLECTING';
}

function overtaken(checkpoint: string): CollectionOvertaken {
  return new CollectionOvertaken(
    `Another collection has removed checkpoint ${checkpoint} while this one was looking. Nothing was deleted by this one.`,
    { identifiers: { checkpoint } },
  );
}

function rootMissing(record: CheckpointRecord, root: RootReference): RootMissing {
  const { checkpoint, state } = record;
  return new RootMissing(
    `Checkpoint ${checkpoint} is ${state} and names the root ${root.key}, which is not in the bank. Nothing was deleted.`,
    { identifiers: { checkpoint, key: root.key } },
  );
}

async function finish(steps: AsyncIterable<void>): Promise<void> {
  for await (const _ of steps);
}
