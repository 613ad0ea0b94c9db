import {
  add,
  CLAIM,
  COMMITTED,
  HELD,
  NO_PIN,
  name,
  read,
  ROOT,
  STATE,
  type World,
} from './world.ts';

const STEP = 0;
/** Owner + 1 of the root that is rewritten. */
const OLD_ROOT = 1;
/** Only where the claim is left out: a pin like a reader's. */
export const PIN = 2;

const START = 0;
const PUT_PACK = 1;
const PUT_ROOT = 2;
const REPLACE = 3;
const CLEAN_UP = 4;
const DONE = 5;

/**
 * Copies what is live of a checkpoint's own pack, and perhaps of its ancestors' too, into a new one, and gives the checkpoint a new root.
 * A compaction that failed deletes what it wrote.
 */
export function compactionSteps(
  world: World,
  compaction: number,
  state: Uint8Array,
  emit: (step: string, next: Uint8Array) => void,
): void {
  const checkpoint = world.configuration.compactions?.[compaction] ?? 0;
  const record = world.record(checkpoint);
  const at = world.compaction(compaction);
  const owner = world.firstCompactionOwner + compaction;
  const me = `${name(checkpoint)}'s compaction`;
  const committed = read(state, record + STATE) === COMMITTED;
  const oldRoot = read(state, at + OLD_ROOT);
  const byClaim = world.keeps('claimInRecord');

  const go = (step: number): Uint8Array => {
    const next = world.fork(state);
    next[at + STEP] = step;
    return next;
  };

  switch (read(state, at + STEP)) {
    case START: {
      if (!committed || read(state, record + CLAIM) !== 0) return;
      const next = go(PUT_PACK);
      next[at + OLD_ROOT] = read(state, record + ROOT);
      if (byClaim) next[record + CLAIM] = compaction + 1;
      else next[at + PIN] = HELD;
      emit(`${me} ${byClaim ? 'claims the record' : 'puts its pin'}`, next);
      return;
    }
    case PUT_PACK: {
      const next = go(PUT_ROOT);
      add(next, world.packsPut, 1 << owner);
      emit(`${me} puts its pack`, next);
      return;
    }
    case PUT_ROOT: {
      const inherited = read(state, world.contents(oldRoot - 1)) & ~(1 << (oldRoot - 1));
      for (const kept of new Set([0, inherited])) {
        const next = go(REPLACE);
        next[world.contents(owner)] = kept | (1 << owner);
        add(next, world.rootsPut, 1 << owner);
        const what = kept === 0 ? '' : ", which names the ancestors' packs still";
        emit(`${me} puts its root${what}`, next);
      }
      return;
    }
    case REPLACE: {
      const claimed = byClaim
        ? read(state, record + CLAIM) === compaction + 1
        : read(state, record + ROOT) === oldRoot;
      if (!committed || !claimed) {
        emit(`${me} fails to replace the root`, go(CLEAN_UP));
        return;
      }
      emit(`${me} replaces the root`, replace(go(DONE), record, at, owner));
      if (world.configuration.lostAnswers === true && !world.keeps('writeIdCompared')) {
        const lost = replace(go(CLEAN_UP), record, at, owner);
        emit(`${me} replaces the root, and takes it for failed`, lost);
      }
      return;
    }
    case CLEAN_UP: {
      const next = go(DONE);
      next[at + PIN] = NO_PIN;
      next[at + OLD_ROOT] = 0;
      add(next, world.packsGone, 1 << owner);
      add(next, world.rootsGone, 1 << owner);
      emit(`${me} deletes what it wrote`, next);
      return;
    }
    default:
  }
}

function replace(next: Uint8Array, record: number, at: number, owner: number): Uint8Array {
  next[record + ROOT] = owner + 1;
  next[record + CLAIM] = 0;
  next[at + PIN] = NO_PIN;
  next[at + OLD_ROOT] = 0;
  return next;
}
