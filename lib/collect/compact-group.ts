import type { Bank } from '../bank/bank.ts';
import { compactPlace } from '../bank/compact/compact-place.ts';
import { type Place, PlaceReceipt, placeName, placeOfPack } from '../bank/compact/place.ts';
import { rewriteRoot } from '../bank/compact/rewrite-root.ts';
import { putNote, readNote } from '../bank/notes.ts';
import { endClaim, renewClaim, replaceRoot } from '../bank/register/claim.ts';
import { readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';
import { putRoot, readRoot } from '../bank/roots.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import { RangeUnfinished } from '../protect/errors.ts';
import type { Services } from '../services.ts';
import type { Call } from '../state-function.ts';
import {
  type CompactionAttempt,
  type GroupTask,
  hasOpenBackup,
  openAttempt,
  readAttempt,
  readPlaceVersions,
  releaseAll,
} from './compaction-attempt.ts';
import {
  CompactionGroup,
  type CompactionItem,
  type CollectionPlan,
  type CompactionReport,
  compactionReportsPrefix,
  groupKey,
  groupPrefix,
  MAX_NOTE_BYTES,
} from './plan.ts';

/** A place is at most 1 GiB to read and to write; a root some tens of MB. */
const TIME_FOR_A_PLACE_MILLISECONDS = 120_000;
const TIME_FOR_A_ROOT_MILLISECONDS = 60_000;
/** A part of a claim's lease. */
const RENEW_EVERY_MILLISECONDS = 15 * 60 * 1000;

/**
 * Rewrites the packs of a group of servers of which little is needed, and gives the checkpoints that refer to them new roots. What is
 * replaced is garbage for the next collection. Whoever repeats it goes on where it was stopped. Throws `RangeUnfinished`.
 */
export async function compactGroup(
  services: Services,
  plan: CollectionPlan,
  { group: number }: CompactionItem,
  call: Call,
): Promise<void> {
  const { signal } = call;
  const bank = await services.bank();
  const expected = { schema: CompactionGroup, maxBytes: MAX_NOTE_BYTES };
  const group = await readNote(bank, groupKey(plan, number), expected, { signal });
  const prefix = groupPrefix(plan, number);
  const task: GroupTask = { services, execution: plan.execution, group, prefix, signal };
  const attempt = (await readAttempt(bank, prefix, signal)) ?? (await openAttempt(task));
  const report =
    typeof attempt !== 'object'
      ? nothingDone(attempt ?? null)
      : await new Compaction(task, bank, await services.register(), plan, attempt, call).run();
  const key = `${compactionReportsPrefix(plan)}${String(number)}.json`;
  await services.places.work.put(key, Buffer.from(JSON.stringify(report)), { signal });
}

function nothingDone(skipped: string | null): CompactionReport {
  const none = { objects: 0, bytes: 0 };
  return { emptied: none, written: none, checkpoints: 0, skipped };
}

class Compaction {
  readonly #task: GroupTask;
  readonly #bank: Bank;
  readonly #register: Register;
  readonly #plan: CollectionPlan;
  readonly #attempt: CompactionAttempt;
  readonly #call: Call;
  #renewedAt: number;

  constructor(
    task: GroupTask,
    bank: Bank,
    register: Register,
    plan: CollectionPlan,
    attempt: CompactionAttempt,
    call: Call,
  ) {
    this.#task = task;
    this.#bank = bank;
    this.#register = register;
    this.#plan = plan;
    this.#attempt = attempt;
    this.#call = call;
    this.#renewedAt = Number.NEGATIVE_INFINITY;
  }

  async run(): Promise<CompactionReport> {
    const receipts: PlaceReceipt[] = [];
    for (const place of this.#attempt.places) receipts.push(await this.#rewritten(place));
    const { group, signal } = this.#task;
    const { members } = this.#attempt;
    if (await hasOpenBackup(this.#register, group.servers, signal)) {
      await releaseAll(this.#register, members, signal);
      return nothingDone('a backup began meanwhile');
    }
    let checkpoints = 0;
    for (const member of members) if (await this.#replace(member, receipts)) checkpoints += 1;
    return { ...this.#tally(receipts), checkpoints, skipped: null };
  }

  async #rewritten(place: Place): Promise<PlaceReceipt> {
    const { prefix, signal, services } = this.#task;
    const key = `${prefix}places/${placeName(place)}`;
    const earlier = await readReceipt(this.#bank, key, signal);
    const packs = this.#packsAt(place);
    if (earlier === undefined) {
      this.#mustHave(TIME_FOR_A_PLACE_MILLISECONDS);
      await this.#keepClaims();
    }
    const receipt =
      earlier ??
      (await compactPlace({
        bank: this.#bank,
        place,
        writesAs: this.#attempt.writesAs,
        versions: await readPlaceVersions(this.#bank, prefix, place, signal),
        packs,
        signal,
      }));
    if (earlier === undefined) await putNote(this.#bank, key, receipt, { signal });
    let advancedBytes = 0;
    for (const sizeBytes of packs.values()) advancedBytes += sizeBytes;
    const { collectionId, sparse } = this.#plan;
    services.progress({
      subject: collectionId,
      phase: 'compact',
      advancedBytes,
      totalBytes: sparse.bytes,
    });
    return receipt;
  }

  /** True when the checkpoint has a root that this compaction made. */
  async #replace(
    { checkpoint, claim, root }: CompactionAttempt['members'][number],
    receipts: readonly PlaceReceipt[],
  ): Promise<boolean> {
    const { signal } = this.#task;
    this.#mustHave(TIME_FOR_A_ROOT_MILLISECONDS);
    const head = await readRecord(this.#register, checkpoint, { signal });
    if (head.kind !== 'live' || head.value.state !== 'COMMITTED') return false;
    if (head.value.compacted?.claim === claim) return true;
    if (!(await renewClaim(this.#register, checkpoint, { id: claim, signal }))) return false;
    const before = await readRoot(this.#bank, root, { signal });
    const rewritten = rewriteRoot(before, receipts);
    if (rewritten === before) {
      await endClaim(this.#register, checkpoint, { id: claim, signal });
      return false;
    }
    const reference = await putRoot(this.#bank, rewritten, { signal });
    // Once more as every reader will: nothing is given up for what was not read back.
    await readRoot(this.#bank, reference, { signal });
    return await replaceRoot(this.#register, checkpoint, { id: claim, root: reference, signal });
  }

  #packsAt(place: Place): Map<string, number> {
    return new Map(
      this.#attempt.packs.filter(([key]) => {
        const at = placeOfPack(key);
        return at !== undefined && placeName(at) === placeName(place);
      }),
    );
  }

  async #keepClaims(): Promise<void> {
    const { clock } = this.#register;
    if (clock.now() - this.#renewedAt < RENEW_EVERY_MILLISECONDS) return;
    const { signal } = this.#task;
    // One that is lost stays lost: its checkpoint keeps its root.
    for (const { checkpoint, claim } of this.#attempt.members) {
      await renewClaim(this.#register, checkpoint, { id: claim, signal });
    }
    this.#renewedAt = clock.now();
  }

  #mustHave(milliseconds: number): void {
    if (this.#call.remainingMilliseconds() >= milliseconds) return;
    throw new RangeUnfinished(
      `The rest of the compaction of ${this.#attempt.writesAs} and others is left for the next worker.`,
      { identifiers: { checkpoint: this.#attempt.writesAs } },
    );
  }

  #tally(receipts: readonly PlaceReceipt[]): Pick<CompactionReport, 'emptied' | 'written'> {
    const sizes = new Map(this.#attempt.packs);
    const emptied = receipts.flatMap((receipt) => receipt.emptied);
    const written = receipts.flatMap((receipt) => receipt.packs);
    return {
      emptied: { objects: emptied.length, bytes: sum(emptied.map((key) => sizes.get(key) ?? 0)) },
      written: { objects: written.length, bytes: sum(written.map(({ sizeBytes }) => sizeBytes)) },
    };
  }
}

function sum(bytes: readonly number[]): number {
  return bytes.reduce((total, one) => total + one, 0);
}

async function readReceipt(
  bank: Bank,
  key: string,
  signal: AbortSignal,
): Promise<PlaceReceipt | undefined> {
  try {
    return await readNote(
      bank,
      key,
      { schema: PlaceReceipt, maxBytes: MAX_NOTE_BYTES },
      { signal },
    );
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}
