import { abandonCheckpoint } from '../register/abandon-checkpoint.ts';
import { mapInOrder } from '../register/in-order.ts';
import { isAlive } from '../register/lease.ts';
import { listHeads } from '../register/list-checkpoints.ts';
import { fencePin, listPins, type ReaderPinRecord } from '../register/pin.ts';
import { startCollecting } from '../register/prune-checkpoint.ts';
import { type CheckpointRecord, isRooted, type RootReference } from '../register/record.ts';
import { type RecordHead, readRecord } from '../register/records.ts';
import type { Register } from '../register/register.ts';
import { ObjectNotFound } from '../store/errors.ts';
import type { CallOptions } from '../store/object-store.ts';
import { RootMissing } from './errors.ts';
import type { ListedObjects } from './listed-objects.ts';
import type { NamesInRoot } from './root-names.ts';

/** Records judged at once, and so roots read at once: the largest take tens of MB each. */
const AT_ONCE = 4;

export interface Marking {
  readonly register: Register;
  readonly namesIn: NamesInRoot;
  readonly objects: ListedObjects;
  readonly undeleteSeconds: number;
  readonly options: CallOptions;
}

/**
 * The two passes over records and readers' pins that find live what anything may refer to, now or later. Each rule in here is one of
 * docs/bank-format.md, "Records"; test/model/ shows for each what is lost without it.
 */
export class LiveMarker {
  /** Checkpoints that were ABORTED or COLLECTING in pass A. */
  readonly dead = new Set<string>();
  readonly fencedCheckpoints: string[] = [];
  readonly fencedPins: string[] = [];
  readonly #marking: Marking;
  /** Keys of roots whose names are marked. */
  readonly #marked = new Set<string>();

  constructor(marking: Marking) {
    this.#marking = marking;
  }

  /** Ends what ran out, finds the dead, and marks what all the others refer to. */
  async passA(): Promise<void> {
    await this.#pass(true);
  }

  /** Marks what the records refer to by now: a pin that pass A was too early for, a commit that it saw too early. */
  async passB(): Promise<void> {
    await this.#pass(false);
  }

  async #pass(isFirst: boolean): Promise<void> {
    const { register, options } = this.#marking;
    const records = listHeads(register, options);
    await finish(
      mapInOrder(records, AT_ONCE, async ({ checkpoint, head }) => {
        const ended = isFirst ? await this.#endIfDue(head) : head;
        await this.#judge(isFirst, checkpoint, ended);
      }),
    );
    await finish(
      mapInOrder(listPins(register, options), AT_ONCE, async (pin) => {
        if (isFirst && (await this.#fenceIfDue(pin))) return;
        // Missing: its reader has not looked at the checkpoint again yet, and will not find it.
        await this.#markNamed(pin.root);
      }),
    );
  }

  async #judge(isFirst: boolean, checkpoint: string, head: RecordHead): Promise<void> {
    const { register, objects, options } = this.#marking;
    objects.know(checkpoint);
    if (head.kind !== 'live') return;
    const record = head.value;
    if (record.state === 'ABORTED' || record.state === 'COLLECTING') {
      if (isFirst) this.dead.add(checkpoint);
      if (record.state === 'ABORTED' || this.dead.has(checkpoint)) return;
    }
    if (record.state === 'OPEN') objects.keepAllOf(checkpoint);

    for (const { root, mustExist } of rootsNamedBy(record)) {
      if (await this.#markNamed(root)) continue;
      const now = await readRecord(register, checkpoint, options);
      if (now.kind !== 'live' || now.value.writeId !== record.writeId) {
        // It has gone on, perhaps from OPEN to COMMITTED: it is what it is now.
        await this.#judge(isFirst, checkpoint, now);
        return;
      }
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

  /** Fences an open record that nobody keeps, and takes up a pruned one whose undelete window is over. */
  async #endIfDue(head: RecordHead): Promise<RecordHead> {
    const { register, undeleteSeconds, options } = this.#marking;
    if (head.kind !== 'live') return head;
    const record = head.value;
    if (record.state === 'OPEN' && !(await isAlive(register, record))) {
      const reason = 'its lease ran out, or its process is gone';
      const { checkpoint } = record;
      const state = await abandonCheckpoint(register, checkpoint, {
        reason,
        asSeen: record,
        ...options,
      });
      if (state === 'ABORTED') this.fencedCheckpoints.push(checkpoint);
      return await readRecord(register, checkpoint, options);
    }
    const dueAt = Date.parse(record.since) + undeleteSeconds * 1000;
    if (record.state === 'DELETING' && dueAt <= register.clock.now()) {
      return await startCollecting(register, record, options);
    }
    return head;
  }

  async #fenceIfDue(pin: ReaderPinRecord): Promise<boolean> {
    const { register, options } = this.#marking;
    if (await isAlive(register, pin)) return false;
    const fenced = await fencePin(register, pin, options);
    if (fenced) this.fencedPins.push(pin.id);
    return fenced;
  }
}

/** Roots whose names are live by this record, and whether they must be there. */
function rootsNamedBy(record: CheckpointRecord): { root: RootReference; mustExist: boolean }[] {
  if (isRooted(record)) return [{ root: record.root, mustExist: record.state !== 'COLLECTING' }];
  if (record.state !== 'OPEN') return [];
  // An unconfirmed pin may be on a checkpoint that was collected before: its writer will see that.
  return record.pins.map(({ root, confirmed }) => ({ root, mustExist: confirmed }));
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
