import {
  add,
  CLAIM,
  COMMITTED,
  COMPACTION_FIELDS,
  HELD,
  NO_PIN,
  name,
  read,
  ROOT,
  STATE,
  type World,
} from './world.ts';

const STEP = 0;
/** Which of its checkpoints comes next. */
const NEXT = 1;
/** Only where the claim is left out: a pin like a reader's. */
export const PIN = 2;
/** Whether a root was replaced. */
const REPLACED = 3;
/** From here on one field for each of its checkpoints: owner + 1 of the root that is rewritten; 0 where it could not be claimed. */
const OLD_ROOTS = COMPACTION_FIELDS;

const CLAIMING = 0;
const PUT_PACK = 1;
const PUT_ROOT = 2;
const REPLACE = 3;
const CLEAN_UP = 4;
const DONE = 5;

/**
 * Copies what is live of its checkpoints' packs, and perhaps of their ancestors' too, into a new one that they share, and gives each of
 * them a new root. A compaction that failed wholly deletes what it wrote.
 */
export function compactionSteps(
  world: World,
  compaction: number,
  state: Uint8Array,
  emit: (step: string, next: Uint8Array) => void,
): void {
  const group = world.configuration.compactions?.[compaction] ?? [];
  const at = world.compaction(compaction);
  const n = read(state, at + NEXT);
  const checkpoint = group[n] ?? 0;
  const record = world.record(checkpoint);
  const owner = world.compactionOwner(compaction, n);
  const packOwner = world.compactionOwner(compaction, 0);
  const me = `the compaction of ${group.map(name).join(' and ')}`;
  const committed = read(state, record + STATE) === COMMITTED;
  const oldRoot = read(state, at + OLD_ROOTS + n);
  const byClaim = world.keeps('claimInRecord');

  const go = (step: number, upTo = 0): Uint8Array => {
    const next = world.fork(state);
    next[at + STEP] = step;
    next[at + NEXT] = upTo;
    return next;
  };
  /** To the same step for the next checkpoint, or to another one after the last. */
  const goOn = (after: number): Uint8Array =>
    n + 1 < group.length ? go(read(state, at + STEP), n + 1) : go(after);

  switch (read(state, at + STEP)) {
    case CLAIMING: {
      const free = committed && read(state, record + CLAIM) === 0;
      if (!free && n === 0 && group.length === 1) return;
      const isFirst = group.every((_, before) => read(state, at + OLD_ROOTS + before) === 0);
      const next = goOn(free || !isFirst ? PUT_PACK : DONE);
      if (!free) {
        emit(`${me} cannot claim ${name(checkpoint)}`, next);
        return;
      }
      next[at + OLD_ROOTS + n] = read(state, record + ROOT);
      if (byClaim) next[record + CLAIM] = compaction + 1;
      else next[at + PIN] = HELD;
      // Whoever does not claim all of them first may begin to write at any time.
      if (!world.keeps('claimsFirst')) add(next, world.packsPut, 1 << packOwner);
      emit(`${me} ${byClaim ? `claims ${name(checkpoint)}` : 'puts its pin'}`, next);
      return;
    }
    case PUT_PACK: {
      const next = go(PUT_ROOT);
      if (world.keeps('claimsFirst')) add(next, world.packsPut, 1 << packOwner);
      emit(`${me} puts its pack`, next);
      return;
    }
    case PUT_ROOT: {
      if (oldRoot === 0) {
        emit(`${me} leaves ${name(checkpoint)} out`, goOn(REPLACE));
        return;
      }
      const before = read(state, world.contents(oldRoot - 1));
      const own = 1 << (oldRoot - 1);
      for (const kept of new Set([0, before & ~own, before & own])) {
        const next = goOn(REPLACE);
        next[world.contents(owner)] = kept | (1 << packOwner);
        add(next, world.rootsPut, 1 << owner);
        const what = kept === 0 ? '' : ', which still names an older pack';
        emit(`${me} puts a root for ${name(checkpoint)}${what}`, next);
      }
      return;
    }
    case REPLACE: {
      const last = n + 1 === group.length;
      const replacedBefore = read(state, at + REPLACED) === 1;
      const claimed = byClaim
        ? read(state, record + CLAIM) === compaction + 1
        : read(state, record + ROOT) === oldRoot;
      const end = (replaced: boolean) => (replaced || replacedBefore ? DONE : CLEAN_UP);
      if (oldRoot === 0 || !committed || !claimed) {
        emit(
          `${me} fails to replace the root of ${name(checkpoint)}`,
          last ? ended(go(end(false)), at, group.length) : goOn(DONE),
        );
        return;
      }
      const replace = (isSeen: boolean) => {
        const next = last ? ended(go(end(isSeen)), at, group.length) : goOn(DONE);
        next[record + ROOT] = owner + 1;
        next[record + CLAIM] = 0;
        if (isSeen && !last) next[at + REPLACED] = 1;
        return next;
      };
      emit(`${me} replaces the root of ${name(checkpoint)}`, replace(true));
      if (world.configuration.lostAnswers === true && !world.keeps('writeIdCompared')) {
        emit(
          `${me} replaces the root of ${name(checkpoint)}, and takes it for failed`,
          replace(false),
        );
      }
      return;
    }
    case CLEAN_UP: {
      const next = go(world.keeps('freshNames') ? DONE : CLAIMING);
      const owners = world.compactionOwners(compaction);
      if (world.keeps('freshNames')) {
        add(next, world.packsGone, owners);
        add(next, world.rootsGone, owners);
      } else {
        // As if they had never been there: it begins anew, under the same names.
        for (const gone of [world.packsGone, world.rootsGone])
          next[gone] = read(state, gone) & ~owners;
        for (const put of [world.packsPut, world.rootsPut]) next[put] = read(state, put) & ~owners;
      }
      emit(`${me} deletes what it wrote`, next);
      return;
    }
    default:
  }
}

/** What no later step looks at is cleared: fewer states. */
function ended(next: Uint8Array, at: number, checkpoints: number): Uint8Array {
  next[at + PIN] = NO_PIN;
  next[at + REPLACED] = 0;
  next.fill(0, at + OLD_ROOTS, at + OLD_ROOTS + checkpoints);
  return next;
}
