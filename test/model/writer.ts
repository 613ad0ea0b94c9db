import {
  ABSENT,
  add,
  CLAIM,
  COMMITTED,
  CONFIRMED,
  GONE,
  name,
  OPEN,
  PINNED,
  PINNED_ROOT,
  read,
  ROOT,
  STATE,
  type World,
} from './world.ts';

type Emit = (step: string, next: Uint8Array) => void;

const STEP = 0;
/** Checkpoint + 1 that the writer means to build on, and owner + 1 of its root. */
const CANDIDATE = 1;
const CANDIDATE_ROOT = 2;
/** What reading the ancestor again showed. */
const BUILDABLE = 3;

const CHOOSE = 0;
const CREATE = 1;
const READ_AGAIN = 2;
const CONFIRM = 3;
const PUT_PACK = 4;
const PUT_ROOT = 5;
const COMMIT = 6;
const POINT = 7;
const DONE = 8;

/**
 * One worker of the execution that makes a checkpoint. A crash is a worker that takes no more steps; a fenced one does not notice before
 * its next compare-and-set, and may put its objects and try to commit at any later time.
 */
export function writerSteps(world: World, writer: number, state: Uint8Array, emit: Emit): void {
  const { configuration } = world;
  const checkpoint = configuration.writers[writer] ?? 0;
  const own = world.record(checkpoint);
  const at = world.writer(writer);
  const owner = world.firstWriterOwner + writer;
  const me = `${name(checkpoint)}'s writer ${writer}`;
  const candidate = read(state, at + CANDIDATE) - 1;

  const go = (step: number): Uint8Array => {
    const next = world.fork(state);
    next[at + STEP] = step;
    return next;
  };

  switch (read(state, at + STEP)) {
    case CHOOSE: {
      const candidates = buildable(world, checkpoint, state);
      for (const ancestor of candidates) {
        const next = go(CREATE);
        next[at + CANDIDATE] = ancestor + 1;
        next[at + CANDIDATE_ROOT] = read(state, world.record(ancestor) + ROOT);
        emit(`${me} reads ${name(ancestor)}: COMMITTED`, next);
      }
      if (candidates.length === 0) emit(`${me} finds nothing to build on`, go(CREATE));
      return;
    }
    case CREATE: {
      if (read(state, own + STATE) === ABSENT) {
        const next = go(candidate < 0 ? PUT_PACK : READ_AGAIN);
        next[own + STATE] = OPEN;
        if (world.keeps('pinFirst'))
          pin(next, own, read(state, at + CANDIDATE), read(state, at + CANDIDATE_ROOT));
        emit(
          `${me} creates the record${candidate < 0 ? '' : `, pinning ${name(candidate)}`}`,
          next,
        );
      } else {
        adopt(world, state, own, at, me, emit);
      }
      return;
    }
    case READ_AGAIN: {
      const next = go(CONFIRM);
      const there = world.record(candidate);
      const sameRoot = read(state, there + ROOT) === read(state, at + CANDIDATE_ROOT);
      const committed = read(state, there + STATE) === COMMITTED;
      const good =
        !world.keeps('readAncestorAgain') || (committed && (sameRoot || !world.keeps('sameRoot')));
      next[at + BUILDABLE] = good ? 1 : 0;
      // Whoever does not insist on the pinned root takes the one it finds.
      if (good && committed && !world.keeps('sameRoot')) {
        next[at + CANDIDATE_ROOT] = read(state, there + ROOT);
      }
      emit(`${me} reads ${name(candidate)} again: ${good ? 'may build on it' : 'may not'}`, next);
      return;
    }
    case CONFIRM: {
      confirm(world, state, own, at, me, emit);
      return;
    }
    case PUT_PACK: {
      const next = go(PUT_ROOT);
      add(next, world.packsPut, 1 << owner);
      emit(`${me} puts its pack`, next);
      return;
    }
    case PUT_ROOT: {
      const next = go(COMMIT);
      const ancestor = read(state, at + CANDIDATE_ROOT);
      const inherited = ancestor === 0 ? 0 : read(state, world.contents(ancestor - 1));
      next[world.contents(owner)] = (1 << owner) | inherited;
      add(next, world.rootsPut, 1 << owner);
      forget(next, at);
      emit(`${me} puts its root`, next);
      return;
    }
    case COMMIT: {
      const before = read(state, own + STATE);
      const late = !world.keeps('tombstones') && before === GONE;
      if (before === OPEN || late || !world.keeps('commitFromOpen')) {
        const next = go(world.usesBase ? POINT : DONE);
        if (before === COMMITTED) next[world.broken] = 1;
        next[own + STATE] = COMMITTED;
        next[own + ROOT] = owner + 1;
        next[own + CLAIM] = 0;
        pin(next, own, 0, 0);
        emit(`${me} commits`, next);
      } else {
        emit(`${me} fails to commit`, go(DONE));
      }
      return;
    }
    case POINT: {
      const next = go(DONE);
      next[world.base] = checkpoint + 1;
      emit(`${me} points the base at ${name(checkpoint)}`, next);
      return;
    }
    default:
  }
}

/** A record that is there already is another worker's of the same execution. */
function adopt(
  world: World,
  state: Uint8Array,
  own: number,
  at: number,
  me: string,
  emit: Emit,
): void {
  const next = world.fork(state);
  const pinned = read(state, own + PINNED);
  const isOpen = read(state, own + STATE) === OPEN;
  forget(next, at);
  next[at + CANDIDATE] = isOpen ? pinned : 0;
  next[at + CANDIDATE_ROOT] = isOpen ? read(state, own + PINNED_ROOT) : 0;
  if (!isOpen) next[at + STEP] = DONE;
  else if (pinned === 0 || read(state, own + CONFIRMED) === 1) next[at + STEP] = PUT_PACK;
  else next[at + STEP] = READ_AGAIN;
  emit(`${me} finds the record, ${isOpen ? 'and adopts it' : 'no longer open'}`, next);
}

/** Marks the pin as good, or exchanges it: a compare-and-set that finds what the others did meanwhile. */
function confirm(
  world: World,
  state: Uint8Array,
  own: number,
  at: number,
  me: string,
  emit: Emit,
): void {
  const stands =
    read(state, own + PINNED_ROOT) === read(state, at + CANDIDATE_ROOT) ||
    !world.keeps('sameRoot') ||
    !world.keeps('pinFirst');
  const confirmed = read(state, own + CONFIRMED) === 1 && world.keeps('confirmedPinsStay');
  if (read(state, own + STATE) !== OPEN || !stands || confirmed) {
    adopt(world, state, own, at, me, emit);
    return;
  }
  const next = world.fork(state);
  if (read(state, at + BUILDABLE) === 1) {
    next[own + CONFIRMED] = 1;
    next[at + CANDIDATE] = 0;
    next[at + BUILDABLE] = 0;
    next[at + STEP] = PUT_PACK;
    emit(`${me} confirms its pin`, next);
    return;
  }
  pin(next, own, 0, 0);
  forget(next, at);
  next[at + STEP] = PUT_PACK;
  emit(`${me} drops its pin`, next);
  const checkpoint = world.configuration.writers.findIndex(
    (_, writer) => world.writer(writer) === at,
  );
  for (const ancestor of buildable(world, world.configuration.writers[checkpoint] ?? 0, state)) {
    const exchanged = world.fork(state);
    const root = read(state, world.record(ancestor) + ROOT);
    pin(exchanged, own, ancestor + 1, root);
    exchanged[at + CANDIDATE] = ancestor + 1;
    exchanged[at + CANDIDATE_ROOT] = root;
    exchanged[at + BUILDABLE] = 0;
    exchanged[at + STEP] = READ_AGAIN;
    emit(`${me} exchanges its pin for one on ${name(ancestor)}`, exchanged);
  }
}

/** Checkpoints that may be built on as far as one look at them tells. */
function buildable(world: World, checkpoint: number, state: Uint8Array): number[] {
  const { ancestors = [] } = world.configuration.checkpoints[checkpoint] ?? {};
  return ancestors
    .map((ancestor) => (ancestor === 'base' ? read(state, world.base) - 1 : ancestor))
    .filter((ancestor) => ancestor >= 0 && ancestor !== checkpoint)
    .filter((ancestor) => read(state, world.record(ancestor) + STATE) === COMMITTED);
}

function pin(state: Uint8Array, own: number, checkpoint: number, root: number): void {
  state[own + PINNED] = checkpoint;
  state[own + PINNED_ROOT] = root;
  state[own + CONFIRMED] = 0;
}

/** What no later step looks at is cleared: fewer states. */
function forget(state: Uint8Array, at: number): void {
  state[at + CANDIDATE] = 0;
  state[at + CANDIDATE_ROOT] = 0;
  state[at + BUILDABLE] = 0;
}
