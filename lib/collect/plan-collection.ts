import { randomBytes } from 'node:crypto';
import type { Bank } from '../bank/bank.ts';
import { CollectionState } from '../bank/collect/collection-state.ts';
import { CollectionOvertaken } from '../bank/collect/errors.ts';
import { checkpointOfKey } from '../bank/collect/listed-objects.ts';
import {
  estimateOf,
  LISTS_AT_ONCE,
  markLive,
  refuseTooMuch,
  SHARES,
  sortedObjects,
} from '../bank/collect/plan-collection.ts';
import { namesInRoot } from '../bank/collect/root-names.ts';
import { KeyMissing, ObjectDamaged } from '../bank/errors.ts';
import { putNote } from '../bank/notes.ts';
import { serverKeyIn } from '../bank/register/ids.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { requireHome } from '../bank/home.ts';
import { RangeUnfinished } from '../protect/errors.ts';
import { executionKey } from '../protect/items.ts';
import type { Services } from '../services.ts';
import type { Call } from '../state-function.ts';
import {
  type CollectionPlan,
  type CompactionGroup,
  type CompactionItem,
  collectionPrefix,
  type DeletionItem,
  gravesKey,
  groupKey,
  pageKey,
} from './plan.ts';
import type { CollectionRequest } from './request.ts';
import { dropState, readState, saveState } from './saved-state.ts';

const DEFAULT_UNDELETE_DAYS = 7;
const DAY_SECONDS = 24 * 3600;
/** For writing the state down, or for the lists; both are done at one go. */
const TIME_TO_STOP_MILLISECONDS = 240_000;
/** Ten requests of one DeletePage. */
const PAGE_KEYS = 10_000;
/** Packs that one collection rewrites at most: 6 TiB. The next one goes on. */
const MAX_SPARSE = 100_000;

/**
 * Finds what is to be deleted and what is to be rewritten, and writes lists of both into the work place. Whoever repeats it goes on where it
 * was stopped for want of time. Throws `RangeUnfinished`, `CollectionRefused`, and what marking throws.
 */
export async function planCollection(
  services: Services,
  execution: string,
  request: CollectionRequest,
  { signal, remainingMilliseconds }: Call,
): Promise<CollectionPlan> {
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  if (request.dry_run !== true) requireHome(bank);
  const collectionId = executionKey(execution);
  const state = (await stateOf(services, bank, collectionId, signal)) ?? new CollectionState();
  const mustStop = () => remainingMilliseconds() < TIME_TO_STOP_MILLISECONDS;
  const marking = {
    bank: bank.places.bank,
    register,
    namesIn: namesInRoot(bank),
    undeleteSeconds: (request.undelete_days ?? DEFAULT_UNDELETE_DAYS) * DAY_SECONDS,
    dryRun: request.dry_run ?? false,
    mustStop,
    signal,
  };
  try {
    const isMarked = await markLive(marking, state);
    if (!isMarked || mustStop()) {
      await saveState(bank, collectionId, state, { signal });
      throw new RangeUnfinished(
        `Collection ${collectionId} has come to ${state.phase}; the next worker goes on there.`,
        { identifiers: { collectionId, phase: state.phase } },
      );
    }
  } catch (error) {
    if (error instanceof CollectionOvertaken) await dropState(bank, collectionId, { signal });
    throw error;
  }
  return await new Lists(services, bank, {
    collectionId,
    execution,
    request,
    state,
    signal,
  }).write();
}

/** How far an earlier worker came. A state that was altered is none: nothing is deleted by it. */
async function stateOf(
  { log }: Services,
  bank: Bank,
  collectionId: string,
  signal: AbortSignal,
): Promise<CollectionState | undefined> {
  try {
    return await readState(bank, collectionId, { signal });
  } catch (error) {
    if (!(error instanceof ObjectDamaged || error instanceof KeyMissing)) throw error;
    log.warn('The state of the collection was altered: it begins anew', {
      collectionId,
      cause: error.message,
    });
    return undefined;
  }
}

interface Marked {
  readonly collectionId: string;
  readonly execution: string;
  readonly request: CollectionRequest;
  readonly state: CollectionState;
  readonly signal: AbortSignal;
}

/** The lists of one collection, under names of their own: those of two attempts are never mixed. */
class Lists {
  readonly #services: Services;
  readonly #bank: Bank;
  readonly #marked: Marked;
  readonly #prefix: string;
  readonly #pages: DeletionItem[] = [];
  readonly #sparse = { objects: 0, bytes: 0 };
  readonly #packs = new Map<string, [string, number][]>();

  constructor(services: Services, bank: Bank, marked: Marked) {
    this.#services = services;
    this.#bank = bank;
    this.#marked = marked;
    this.#prefix = `${collectionPrefix(marked.collectionId)}${randomBytes(8).toString('hex')}/`;
  }

  async write(): Promise<CollectionPlan> {
    const { collectionId, execution, request, state } = this.#marked;
    const { dry_run: dryRun = false, force = false } = request;
    const estimate = estimateOf(state);
    if (!dryRun && !force) refuseTooMuch(this.#bank.places.bank, estimate);
    for await (const _ of mapInOrder(SHARES, LISTS_AT_ONCE, (share) => this.#sort(share)));
    const notCompacted = this.#reasonNotToCompact();
    const { listed, dead, sparseness } = estimate;
    return {
      collectionId,
      execution,
      dryRun,
      listed,
      dead,
      packBytes: sparseness.packBytes,
      wasteBytes: sparseness.wasteBytes,
      sparse: this.#sparse,
      notCompacted,
      fencedCheckpoints: state.fencedCheckpoints.size,
      deadCheckpoints: state.dead.size,
      heldCheckpoints: state.held.size,
      listsPrefix: this.#prefix,
      ...(await this.#putItems(dryRun, notCompacted !== null)),
      rangesAtOnce: this.#services.settings.rangesAtOnce,
    };
  }

  #reasonNotToCompact(): CollectionPlan['notCompacted'] {
    const { dry_run: dryRun = false, compact = true } = this.#marked.request;
    if (dryRun) return 'dry run';
    if (!compact) return 'not asked for';
    // What is needed is locked there: a pack that is replaced would lie beside the new one for as long.
    if (this.#bank.info.lock !== undefined) return 'the bank is locked';
    return this.#bank.info.access === 'reader' ? null : 'the key may not read';
  }

  async #sort(share: string): Promise<void> {
    const { state, signal, request } = this.#marked;
    let objects: [string, number][] = [];
    let number = 0;
    const putPage = async () => {
      const name = `${share.replace('/', '-')}-${String(number)}`;
      await putNote(
        this.#bank,
        pageKey({ listsPrefix: this.#prefix }, name),
        { objects },
        { signal },
      );
      this.#pages.push({ page: name });
      objects = [];
      number += 1;
    };
    const sorted = sortedObjects(this.#bank.places.bank, state, share, { signal });
    for await (const { key, sizeBytes, as } of sorted) {
      if (as === 'sparse') {
        this.#addPack(key, sizeBytes);
        continue;
      }
      if (request.dry_run === true) continue;
      objects.push([key, sizeBytes]);
      if (objects.length === PAGE_KEYS) await putPage();
    }
    if (objects.length > 0) await putPage();
  }

  #addPack(key: string, sizeBytes: number): void {
    if (this.#sparse.objects >= MAX_SPARSE) return;
    this.#sparse.objects += 1;
    this.#sparse.bytes += sizeBytes;
    const group = this.#marked.state.groups.groupOf(serverKeyIn(checkpointOfKey(key) ?? ''));
    const known = this.#packs.get(group);
    if (known === undefined) this.#packs.set(group, [[key, sizeBytes]]);
    else known.push([key, sizeBytes]);
  }

  async #putItems(
    dryRun: boolean,
    withoutGroups: boolean,
  ): Promise<Pick<CollectionPlan, 'pages' | 'pagesKey' | 'groups' | 'groupsKey'>> {
    const { state, signal } = this.#marked;
    const pagesKey = `${this.#prefix}pages.jsonl`;
    const groupsKey = `${this.#prefix}groups.jsonl`;
    if (dryRun) return { pages: 0, pagesKey, groups: 0, groupsKey };
    await putNote(this.#bank, gravesKey({ listsPrefix: this.#prefix }), state.graves(), { signal });
    const groups: CompactionItem[] = [];
    if (!withoutGroups) {
      const members = state.groups.members();
      for (const [server, packs] of this.#packs) {
        const group: CompactionGroup = { servers: members.get(server) ?? [server], packs };
        const number = groups.length;
        await putNote(this.#bank, groupKey({ listsPrefix: this.#prefix }, number), group, {
          signal,
        });
        groups.push({ group: number });
      }
    }
    await this.#putLines(pagesKey, this.#pages);
    await this.#putLines(groupsKey, groups);
    return { pages: this.#pages.length, pagesKey, groups: groups.length, groupsKey };
  }

  async #putLines(key: string, items: readonly unknown[]): Promise<void> {
    const lines = items.map((item) => `${JSON.stringify(item)}\n`).join('');
    await this.#services.places.work.put(key, Buffer.from(lines), { signal: this.#marked.signal });
  }
}
