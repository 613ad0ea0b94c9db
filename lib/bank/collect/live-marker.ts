import { abandonCheckpoint } from '../register/abandon-checkpoint.ts';
import { endClaim } from '../register/claim.ts';
import { serverKeyIn } from '../register/ids.ts';
import { mapInOrder } from '../register/in-order.ts';
import { isAlive } from '../register/lease.ts';
import { type ListedHead, listHeads } from '../register/list-checkpoints.ts';
import { fencePin, listAllPins, listPins, type ReaderPinRecord } from '../register/pin.ts';
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
import type { CollectionState } from './collection-state.ts';
import { CollectionOvertaken, RootMissing } from './errors.ts';
import { checkpointOfKey } from './listed-objects.ts';
import type { NamesInRoot } from './root-names.ts';

/** Records judged at once, and so roots read at once: the largest take tens of MB each. */
const AT_ONCE = 4;

export interface Marking {
  readonly register: Register;
  readonly namesIn: NamesInRoot;
  readonly undeleteSeconds: number;
  /** Change nothing: take for ended what is due to be. */
  readonly dryRun: boolean;
  /** Asked between two records: true when it is time to stop, and to go on later. */
  readonly mustStop: () => boolean;
  readonly options: CallOptions;
}

/**
 * The two passes over the records: who is dead, and then what is live. Each rule in here is one of docs/bank-format.md, "Records", which
 * says why they suffice; test/model/ shows for each what is lost without it.
 */
export class LiveMarker {
  readonly #marking: Marking;
  readonly #state: CollectionState;
  /** Keys of roots whose names are marked, and whether they are held. */
  readonly #marked = new Map<string, boolean>();

  constructor(marking: Marking, state: CollectionState) {
    this.#marking = marking;
    this.#state = state;
  }

  /** Ends what ran out, and finds the dead: what nobody can come to refer to any more. False when it stopped before the end. */
  async passA(): Promise<boolean> {
    const { register, options } = this.#marking;
    const { objects, dead, oldGraves, seenRoots } = this.#state;
    const pins = mapInOrder(listAllPins(register, options), AT_ONCE, async ({ id, held }) => {
      if (held === undefined || (await this.#isFenced(held))) this.#state.fencedPins.add(id);
    });
    for await (const _ of pins);
    return await this.#eachRecord(async ({ checkpoint, head, isOpenGrave }) => {
      objects.know(checkpoint);
      if (isOpenGrave) this.#state.openGraves.add(checkpoint);
      const now = await this.#endIfDue(head);
      if (now.kind === 'buried') oldGraves.add(checkpoint);
      if (now.kind !== 'live') return;
      if (isOver(now.value)) dead.add(checkpoint);
      const compacted = compactedRootOf(now.value);
      if (compacted !== undefined) seenRoots.add(compacted.key);
    });
  }

  /** Marks what anything else refers to. False when it stopped before the end. */
  async passB(): Promise<boolean> {
    const { register, options } = this.#marking;
    const judge = ({ checkpoint, head }: ListedHead) => this.#judge(checkpoint, head);
    if (!(await this.#eachRecord(judge))) return false;
    for await (const _ of mapInOrder(listPins(register, options), AT_ONCE, async (pin) => {
      const { fencedPins, dead, held } = this.#state;
      if (fencedPins.has(pin.id)) return;
      // A root that is missing: the reader has not looked at the checkpoint again yet, and will not find it.
      const isThere = await this.#markNamed(pin.root, { isHeld: true });
      if (isThere && dead.has(pin.checkpoint)) held.add(pin.checkpoint);
    }));
    return true;
  }

  async #eachRecord(deal: (listed: ListedHead) => Promise<void>): Promise<boolean> {
    const { register, mustStop, options } = this.#marking;
    const { after } = this.#state;
    const heads = listHeads(register, { ...options, ...(after === null ? {} : { after }) });
    let isWhole = true;
    const source = async function* () {
      for await (const one of heads) {
        // What is under way then is still dealt with: the state must not change while it is written down.
        if (mustStop()) {
          isWhole = false;
          return;
        }
        yield one;
      }
    };
    const dealt = mapInOrder(source(), AT_ONCE, async (listed) => {
      await deal(listed);
      return listed.checkpoint;
    });
    for await (const checkpoint of dealt) this.#state.after = checkpoint;
    return isWhole;
  }

  async #judge(checkpoint: string, head: RecordHead): Promise<void> {
    const { register, options } = this.#marking;
    const { objects, dead, oldGraves, seenRoots } = this.#state;
    objects.know(checkpoint);
    if (dead.has(checkpoint)) return;
    // What it named may be what an open checkpoint builds on that this pass was too early for.
    if (head.kind === 'buried' && !oldGraves.has(checkpoint)) {
      throw overtaken(checkpoint, 'removed');
    }
    if (head.kind !== 'live') return;
    const record = head.value;
    const compacted = compactedRootOf(record);
    // The same of what the root before named.
    if (compacted !== undefined && !seenRoots.has(compacted.key)) {
      throw overtaken(checkpoint, 'compacted');
    }
    if (record.state === 'OPEN') objects.keepAllOf(checkpoint);
    if (record.state === 'COMMITTED' && record.claim !== undefined) {
      objects.keepAllOf(checkpoint);
      objects.keepAllOf(record.claim.writesAs);
    }

    for (const { root, mustExist } of rootsNamedBy(record)) {
      const isHeld = record.state !== 'COMMITTED';
      if (await this.#markNamed(root, { isHeld, by: checkpoint })) continue;
      const now = await readRecord(register, checkpoint, options);
      if (now.kind !== 'live' || now.value.writeId !== record.writeId) {
        // It has gone on, perhaps from OPEN to COMMITTED: it is what it is now.
        await this.#judge(checkpoint, now);
        return;
      }
      // Another collector deletes already what this one only now sees given up.
      if (record.state === 'COLLECTING') throw overtaken(checkpoint, 'removed');
      if (mustExist) throw rootMissing(record, root);
    }
  }

  /** False when the root is not there. */
  async #markNamed(
    root: RootReference,
    { isHeld, by }: { isHeld: boolean; by?: string },
  ): Promise<boolean> {
    const { namesIn, options } = this.#marking;
    const { objects, groups } = this.#state;
    const before = this.#marked.get(root.key);
    if (before === true || before === isHeld) return true;
    try {
      const names = await namesIn(root, options);
      objects.keep(root.key, {});
      let joined = '';
      for (const { key, usedBytes = 0 } of names) {
        objects.keep(key, { usedBytes, isHeld });
        const writer = serverKeyIn(checkpointOfKey(key) ?? '');
        if (by === undefined || writer === joined || writer === serverKeyIn(by)) continue;
        groups.join(serverKeyIn(by), writer);
        joined = writer;
      }
    } catch (error) {
      if (error instanceof ObjectNotFound) return false;
      throw error;
    }
    this.#marked.set(root.key, isHeld);
    return true;
  }

  /** Fences who nobody keeps (an open record, a claim), and takes up a pruned one that can no longer be brought back. */
  async #endIfDue(head: RecordHead): Promise<RecordHead> {
    const { register, undeleteSeconds, dryRun, options } = this.#marking;
    const record = head.kind === 'live' ? head.value : undefined;
    if (record?.state === 'OPEN' && !(await isAlive(register, record))) {
      return dryRun ? this.#asIfOver(head, record) : await this.#fence(record);
    }
    if (record?.state === 'COMMITTED' && record.claim !== undefined && !dryRun) {
      if (await isAlive(register, record.claim)) return head;
      const { id } = record.claim;
      return await endClaim(register, record.checkpoint, { id, asSeen: record, ...options });
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
    this.#state.dead.add(checkpoint);
    if (state === 'OPEN') this.#state.fencedCheckpoints.add(checkpoint);
    return head;
  }

  async #fence(record: OpenRecord): Promise<RecordHead> {
    const { register, options } = this.#marking;
    const reason = 'its lease ran out, or its process is gone';
    const { checkpoint } = record;
    const seen = { reason, asSeen: record, ...options };
    const after = await abandonCheckpoint(register, checkpoint, seen);
    if (after === 'ABORTED') this.#state.fencedCheckpoints.add(checkpoint);
    return await readRecord(register, checkpoint, options);
  }

  /** Whether the pin was due to be fenced, and is. */
  async #isFenced(pin: ReaderPinRecord): Promise<boolean> {
    const { register, dryRun, options } = this.#marking;
    if (await isAlive(register, pin)) return false;
    return dryRun || (await fencePin(register, pin, options));
  }
}

/** Roots whose names are live by this record, and whether they must be there. */
function rootsNamedBy(record: CheckpointRecord): { root: RootReference; mustExist: boolean }[] {
  if (isRooted(record)) return [{ root: record.root, mustExist: true }];
  if (record.state !== 'OPEN') return [];
  // An unconfirmed pin may be on a checkpoint that was collected before: its writer will see that.
  return record.pins.map(({ root, confirmed }) => ({ root, mustExist: confirmed }));
}

function compactedRootOf(record: CheckpointRecord): RootReference | undefined {
  return isRooted(record) && record.compacted !== undefined ? record.root : undefined;
}

function isOver({ state }: CheckpointRecord): boolean {
  return state === 'ABORTED' || state === 'COLLECTING';
}

function overtaken(checkpoint: string, how: 'removed' | 'compacted'): CollectionOvertaken {
  return new CollectionOvertaken(
    `Another collection has ${how} checkpoint ${checkpoint} while this one was looking. Nothing was deleted by this one.`,
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
