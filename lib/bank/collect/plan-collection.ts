import { mapInOrder } from '../register/in-order.ts';
import { RegisterLost } from '../errors.ts';
import type { Register } from '../register/register.ts';
import type { CallOptions, ObjectStore } from '../store/object-store.ts';
import type { CollectionState } from './collection-state.ts';
import { CollectionRefused } from './errors.ts';
import type { Sparseness, Tally } from './listed-objects.ts';
import { LiveMarker } from './live-marker.ts';
import type { NamesInRoot } from './root-names.ts';

/** Data objects, in shares of which each can be listed by itself: ids are random. */
export const SHARES: readonly string[] = ['packs/', 'segments/', 'roots/'].flatMap((prefix) =>
  Array.from('0123456789abcdef', (digit) => `${prefix}${digit}`),
);
/** Shares that are listed at once. */
export const LISTS_AT_ONCE = 8;
/** Checkpoints that an error names. */
const SHOWN = 5;
const MAX_DELETED_SHARE = 0.5;
/** Of what packs store, so much may be needed by nobody before packs are rewritten. */
export const MAX_WASTE = 0.1;

export interface CollectionRequest extends CallOptions {
  /** The bank's place. */
  bank: ObjectStore;
  register: Register;
  namesIn: NamesInRoot;
  /** How long a pruned checkpoint can be brought back. */
  undeleteSeconds: number;
  /** Change nothing: find what a collection would find if it ran now. */
  dryRun?: boolean;
  /** Asked now and then: true when it is time to stop, and to go on later with the same state. */
  mustStop?: () => boolean;
}

/** How much a collection finds. */
export interface CollectionEstimate {
  readonly listed: Tally;
  readonly dead: Tally;
  readonly sparseness: Sparseness;
}

/**
 * Finds what nothing needs any more, while backups, restores, prunes, compactions and other collectors go on; needs no lock, and clocks
 * decide only whom it fences. Deletes nothing, but fences open checkpoints, claims and pins that ran out, and takes up pruned checkpoints
 * whose undelete window is over. What `state` calls dead then stays dead for ever: nothing can come to refer to it, and names never come
 * again. Throws `CollectionOvertaken` where another collection deletes meanwhile, `RootMissing` and `RegisterLost` where register and
 * bank do not fit together.
 *
 * False when it was told to stop before it was done; then it goes on with the same state, in this process or in another one. Takes some
 * 50 bytes of memory for each object of the bank, and some hundred for each checkpoint; few roots are read at a time.
 */
export async function markLive(
  request: CollectionRequest,
  state: CollectionState,
): Promise<boolean> {
  const { bank, register, namesIn, undeleteSeconds } = request;
  const { dryRun = false, mustStop = () => false } = request;
  const options = request.signal === undefined ? {} : { signal: request.signal };
  const marking = { register, namesIn, undeleteSeconds, dryRun, mustStop, options };
  const marker = new LiveMarker(marking, state);
  if (state.phase === 'list') {
    if (!(await list(bank, state, mustStop, options))) return false;
    state.enter('passA');
  }
  if (state.phase === 'passA') {
    if (!(await marker.passA())) return false;
    state.enter('passB');
  }
  if (state.phase === 'passB') {
    if (!(await marker.passB())) return false;
    state.enter('marked');
  }
  refuseLostRegister(bank, register, state);
  return true;
}

export function estimateOf({ objects }: CollectionState): CollectionEstimate {
  return { ...objects.tally(), sparseness: objects.sparseness(MAX_WASTE) };
}

/** Throws `CollectionRefused` where more than half of the bank would go. */
export function refuseTooMuch(bank: ObjectStore, { listed, dead }: CollectionEstimate): void {
  if (dead.bytes <= listed.bytes * MAX_DELETED_SHARE) return;
  throw new CollectionRefused(
    `${dead.bytes} of ${listed.bytes} bytes (${dead.objects} of ${listed.objects} objects) in ${bank.location} would be deleted, more than half. Nothing was deleted.`,
  );
}

/** An object that is to be dealt with. */
export interface Sorted {
  readonly key: string;
  readonly sizeBytes: number;
  readonly as: 'dead' | 'sparse';
}

/**
 * What a marked state says of a share of the bank's objects: listed once more, since the state does not hold the keys. What was written
 * since the state was made is not among them.
 */
export async function* sortedObjects(
  bank: ObjectStore,
  { objects }: CollectionState,
  share: string,
  options: CallOptions = {},
): AsyncGenerator<Sorted, void, undefined> {
  const sparseness = objects.sparseness(MAX_WASTE);
  for await (const { key, sizeBytes } of bank.list(share, options)) {
    if (objects.isDead(key)) yield { key, sizeBytes, as: 'dead' };
    else if (objects.isSparse(key, sparseness)) yield { key, sizeBytes, as: 'sparse' };
  }
}

async function list(
  bank: ObjectStore,
  state: CollectionState,
  mustStop: () => boolean,
  options: CallOptions,
): Promise<boolean> {
  const left = SHARES.slice(state.after === null ? 0 : SHARES.indexOf(state.after) + 1);
  const source = function* () {
    for (const share of left) {
      if (mustStop()) return;
      yield share;
    }
  };
  const lists = mapInOrder(source(), LISTS_AT_ONCE, async (share) => {
    for await (const object of bank.list(share, options)) state.objects.add(object);
    return share;
  });
  for await (const share of lists) state.after = share;
  return left.length === 0 || state.after === left.at(-1);
}

/** A record is created before any object of its checkpoint, and leaves a tombstone: a checkpoint without either was forgotten. */
function refuseLostRegister(
  bank: ObjectStore,
  register: Register,
  { objects }: CollectionState,
): void {
  const unknown = objects.unknownCheckpoints();
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, SHOWN).join(', ');
  throw new RegisterLost(
    `${bank.location} holds objects of ${unknown.length} checkpoints that the register ${register.store.location} knows nothing of (${shown}${unknown.length > SHOWN ? ', …' : ''}). Nothing was deleted.`,
  );
}
