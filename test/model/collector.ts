import { PIN as COMPACTION_PIN } from './compaction.ts';
import { PIN as READER_PIN, TARGET_ROOT } from './reader.ts';
import {
  ABORTED,
  add,
  bits,
  CLAIM,
  COLLECTING,
  CONFIRMED,
  COMMITTED,
  DEAD_RECORDS,
  DELETING,
  GONE,
  HELD,
  INDEX,
  LISTED_PACKS,
  LISTED_ROOTS,
  LIVE_PACKS,
  LIVE_ROOTS,
  name,
  OPEN,
  PHASE,
  PINNED_ROOT,
  PINNED_ROOTS,
  read,
  ROOT,
  ROOT_OF,
  STATE,
  type World,
} from './world.ts';

type Emit = (step: string, next: Uint8Array) => void;

const IDLE = 0;
const PASS_A = 1;
const PASS_B = 2;
const LATE_ROOTS = 3;
const DELETE = 4;
const BURY = 5;

/**
 * A collector, over and over. It reads one record, one root or one pin at a time, and anything may happen between: a page of a list is
 * older than the next. One that crashed is one that takes no more steps.
 */
export function collectorSteps(
  world: World,
  collector: number,
  state: Uint8Array,
  emit: Emit,
): void {
  const at = world.collector(collector);
  const me = `collector ${collector}`;
  const phase = read(state, at + PHASE);
  if (phase === IDLE) {
    const next = world.fork(state);
    next[at + PHASE] = PASS_A;
    if (world.keeps('listFirst')) list(world, next, at);
    emit(`${me} lists the objects`, next);
  } else if (phase === PASS_A || phase === PASS_B) {
    passSteps(world, state, at, `${me}, pass ${phase === PASS_A ? 'A' : 'B'}:`, emit);
  } else if (phase === LATE_ROOTS) {
    if (!rootSteps(world, state, at, me, emit)) {
      emit(`${me} has read the pinned roots`, entered(world.fork(state), at, DELETE));
    }
  } else if (phase === DELETE) {
    deletions(world, state, at, me, emit);
  } else {
    burials(world, state, at, me, emit);
  }
}

/** The next record or reader's pin; or, where reads run ahead, one of the roots that are still to be read. */
function passSteps(world: World, state: Uint8Array, at: number, me: string, emit: Emit): void {
  const { checkpoints, readers = [], compactions = [], readsAhead } = world.configuration;
  const rootsLeft = rootSteps(world, state, at, me, emit);
  if (rootsLeft && readsAhead !== true) return;

  const index = read(state, at + INDEX);
  const reader = index - checkpoints.length;
  const compaction = reader - readers.length;
  const next = world.fork(state);
  next[at + INDEX] = index + 1;
  if (reader < 0) {
    readRecord(world, state, next, at, index);
    emit(`${me} reads ${name(index)}'s record`, next);
    mistakenFence(world, state, at, index, me, emit);
  } else if (compaction < 0) {
    const pin = world.reader(reader);
    if (world.keeps('readerPins') && read(state, pin + READER_PIN) === HELD) {
      add(next, at + PINNED_ROOTS, 1 << (read(state, pin + TARGET_ROOT) - 1));
    }
    emit(`${me} reads reader ${reader}'s pin`, next);
  } else if (compaction < compactions.length && !world.keeps('claimInRecord')) {
    if (read(state, world.compaction(compaction) + COMPACTION_PIN) === HELD) {
      markOwners(next, at, 1 << (world.firstCompactionOwner + compaction));
    }
    emit(`${me} reads the compaction's pin`, next);
  } else if (!rootsLeft) {
    emit(`${me} ends`, endOfPass(world, state, at));
  }
}

function endOfPass(world: World, state: Uint8Array, at: number): Uint8Array {
  const next = world.fork(state);
  if (read(state, at + PHASE) === PASS_A && world.keeps('twoPasses')) {
    if (!world.keeps('passA')) {
      next[at + LIVE_PACKS] = 0;
      next[at + LIVE_ROOTS] = 0;
    }
    return entered(next, at, PASS_B);
  }
  if (!world.keeps('listFirst')) list(world, next, at);
  return entered(next, at, world.keeps('pinnedRootsReadInPass') ? DELETE : LATE_ROOTS);
}

/** What a record says is live or dead. A root that it names is read in a step of its own. */
function readRecord(
  world: World,
  state: Uint8Array,
  next: Uint8Array,
  at: number,
  checkpoint: number,
): void {
  const record = world.record(checkpoint);
  const inPassA = read(state, at + PHASE) === PASS_A;
  const isKnownDead = ((read(state, at + DEAD_RECORDS) >> checkpoint) & 1) === 1;
  const there = read(state, record + STATE);
  next[at + ROOT_OF + checkpoint] = 0;
  if (there === OPEN) {
    if (world.keeps('ownPrefix')) markOwners(next, at, world.prefixes[checkpoint] ?? 0);
    const pinned = read(state, record + PINNED_ROOT);
    if (pinned === 0 || !world.keeps('pinnedRoots')) return;
    if (world.keeps('pinnedRootsReadInPass')) next[at + ROOT_OF + checkpoint] = pinned;
    else add(next, at + PINNED_ROOTS, 1 << (pinned - 1));
  } else if (there === COMMITTED || (there === DELETING && world.keeps('deletingIsLive'))) {
    const claim = read(state, record + CLAIM);
    if (claim !== 0 && world.keeps('claimPrefix')) {
      markOwners(next, at, 1 << (world.firstCompactionOwner + claim - 1));
    }
    next[at + ROOT_OF + checkpoint] = read(state, record + ROOT);
  } else if (there === ABORTED || there === COLLECTING || there === DELETING) {
    if (inPassA) add(next, at + DEAD_RECORDS, 1 << checkpoint);
    else if (!isKnownDead && world.keeps('lateCollectingIsLive')) {
      next[at + ROOT_OF + checkpoint] = read(state, record + ROOT);
    }
  }
}

function mistakenFence(
  world: World,
  state: Uint8Array,
  at: number,
  checkpoint: number,
  me: string,
  emit: Emit,
): void {
  if (world.configuration.lostAnswers !== true || world.keeps('writeIdCompared')) return;
  if (read(state, world.record(checkpoint) + STATE) !== OPEN) return;
  if (read(state, at + PHASE) !== PASS_A) return;
  const next = world.fork(state);
  next[at + INDEX] = checkpoint + 1;
  add(next, at + DEAD_RECORDS, 1 << checkpoint);
  emit(`${me} takes a lost answer for having fenced ${name(checkpoint)}`, next);
}

/** Reads a root that is still to be read; in any order where reads run ahead. False when none is. */
function rootSteps(world: World, state: Uint8Array, at: number, me: string, emit: Emit): boolean {
  const { checkpoints, readsAhead } = world.configuration;
  let found = false;
  for (let checkpoint = 0; checkpoint < checkpoints.length; checkpoint++) {
    const owner = read(state, at + ROOT_OF + checkpoint) - 1;
    if (owner < 0) continue;
    found = true;
    const next = world.fork(state);
    next[at + ROOT_OF + checkpoint] = 0;
    const there = markRoot(world, state, next, at, owner);
    if (!there) readRecordAgain(world, state, next, at, checkpoint, owner);
    const whose = `the root of ${world.owners[owner]?.name}`;
    emit(`${me} reads ${whose} for ${name(checkpoint)}${there ? '' : ': missing'}`, next);
    if (readsAhead !== true) return true;
  }
  // With pinned roots read late, these wait for the end.
  if (!world.keeps('pinnedRootsReadInPass') && read(state, at + PHASE) !== LATE_ROOTS) return found;
  for (const owner of bits(read(state, at + PINNED_ROOTS))) {
    found = true;
    const next = world.fork(state);
    next[at + PINNED_ROOTS] = read(state, at + PINNED_ROOTS) & ~(1 << owner);
    const there = markRoot(world, state, next, at, owner);
    emit(
      `${me} reads the pinned root of ${world.owners[owner]?.name}${there ? '' : ': missing'}`,
      next,
    );
    if (readsAhead !== true) return true;
  }
  return found;
}

function markRoot(
  world: World,
  state: Uint8Array,
  next: Uint8Array,
  at: number,
  owner: number,
): boolean {
  if (!world.hasRoot(state, owner)) return false;
  add(next, at + LIVE_PACKS, read(state, world.contents(owner)));
  add(next, at + LIVE_ROOTS, 1 << owner);
  return true;
}

/**
 * A root that a record named is gone: the record must have gone on since, and is read as it is now. Where it has not, this is an alarm,
 * but for a record that is being collected, and for a pin that its writer has not confirmed and never will.
 */
function readRecordAgain(
  world: World,
  state: Uint8Array,
  next: Uint8Array,
  at: number,
  checkpoint: number,
  owner: number,
): void {
  const record = world.record(checkpoint);
  const there = read(state, record + STATE);
  const named = read(state, record + (there === OPEN ? PINNED_ROOT : ROOT)) === owner + 1;
  const confirmed = read(state, record + CONFIRMED) === 1;
  if (!named) {
    if (world.keeps('pinningRecordReadAgain')) readRecord(world, state, next, at, checkpoint);
  } else if (there === COMMITTED || there === DELETING || (there === OPEN && confirmed)) {
    next[world.broken] = 2;
  }
}

/** Deletes the listed objects that are not live: at once, or where the configuration says so one in each step. */
function deletions(world: World, state: Uint8Array, at: number, me: string, emit: Emit): void {
  const packs = read(state, at + LISTED_PACKS) & ~read(state, at + LIVE_PACKS);
  const roots = read(state, at + LISTED_ROOTS) & ~read(state, at + LIVE_ROOTS);
  const next = world.fork(state);
  if (world.configuration.deletesApart === true && (packs | roots) !== 0) {
    const [root] = bits(roots);
    const [pack = 0] = bits(packs);
    const [field, listed, owner] =
      root === undefined
        ? [world.packsGone, LISTED_PACKS, pack]
        : [world.rootsGone, LISTED_ROOTS, root];
    add(next, field, 1 << owner);
    next[at + listed] = read(state, at + listed) & ~(1 << owner);
    emit(`${me} deletes an object of ${world.owners[owner]?.name}`, next);
    return;
  }
  add(next, world.packsGone, packs);
  add(next, world.rootsGone, roots);
  for (const field of [LISTED_PACKS, LISTED_ROOTS, LIVE_PACKS, LIVE_ROOTS]) next[at + field] = 0;
  const names = bits(packs | roots).map((owner) => world.owners[owner]?.name);
  emit(`${me} deletes objects of: ${names.join(', ') || 'none'}`, entered(next, at, BURY));
}

/** The next record of D gets its tombstone. */
function burials(world: World, state: Uint8Array, at: number, me: string, emit: Emit): void {
  const dead = read(state, at + DEAD_RECORDS);
  const [checkpoint] = bits(dead);
  const next = world.fork(state);
  if (checkpoint === undefined) {
    next.fill(0, at, at + world.collectorFields);
    emit(`${me} ends`, next);
    return;
  }
  next[at + DEAD_RECORDS] = dead & ~(1 << checkpoint);
  next[world.record(checkpoint) + STATE] = GONE;
  next[world.record(checkpoint) + ROOT] = 0;
  emit(`${me} buries ${name(checkpoint)}'s record`, next);
}

function entered(next: Uint8Array, at: number, phase: number): Uint8Array {
  next[at + PHASE] = phase;
  next[at + INDEX] = 0;
  return next;
}

function list(world: World, next: Uint8Array, at: number): void {
  next[at + LISTED_PACKS] = read(next, world.packsPut) & ~read(next, world.packsGone);
  next[at + LISTED_ROOTS] = read(next, world.rootsPut) & ~read(next, world.rootsGone);
}

function markOwners(next: Uint8Array, at: number, owners: number): void {
  add(next, at + LIVE_PACKS, owners);
  add(next, at + LIVE_ROOTS, owners);
}
