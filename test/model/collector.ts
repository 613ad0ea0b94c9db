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
  OLD_GRAVES,
  OPEN,
  PHASE,
  PINNED_ROOT,
  PINNED_ROOTS,
  read,
  ROOT,
  ROOT_OF,
  SEEN_ROOTS,
  STATE,
  type World,
} from './world.ts';

type Emit = (step: string, next: Uint8Array) => void;

const IDLE = 0;
const PASS_A = 1;
const PASS_B = 2;
const DELETE = 3;
const BURY = 4;

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
    const next = entered(world.fork(state), at, world.keeps('twoPasses') ? PASS_A : PASS_B);
    if (world.keeps('listFirst')) list(world, next, at);
    emit(`${me} lists the objects`, next);
  } else if (phase === PASS_A) {
    passA(world, state, at, me, emit);
  } else if (phase === PASS_B) {
    passB(world, state, at, me, emit);
  } else if (phase === DELETE) {
    deletions(world, state, at, me, emit);
  } else {
    burials(world, state, at, me, emit);
  }
}

/** Who is dead: record by record. */
function passA(world: World, state: Uint8Array, at: number, me: string, emit: Emit): void {
  const { checkpoints, lostAnswers } = world.configuration;
  const checkpoint = read(state, at + INDEX);
  if (checkpoint === checkpoints.length) {
    emit(`${me} ends pass A`, entered(world.fork(state), at, PASS_B));
    return;
  }
  const there = read(state, world.record(checkpoint) + STATE);
  const next = world.fork(state);
  next[at + INDEX] = checkpoint + 1;
  noteTheDead(world, state, next, at, checkpoint);
  if (there === GONE) add(next, at + OLD_GRAVES, 1 << checkpoint);
  else add(next, at + SEEN_ROOTS, compactedRoot(world, state, world.record(checkpoint)));
  emit(`${me}, pass A: reads ${name(checkpoint)}'s record`, next);

  if (there === OPEN && lostAnswers === true && !world.keeps('writeIdCompared')) {
    const mistaken = world.fork(state);
    mistaken[at + INDEX] = checkpoint + 1;
    add(mistaken, at + DEAD_RECORDS, 1 << checkpoint);
    emit(`${me} takes a lost answer for having fenced ${name(checkpoint)}`, mistaken);
  }
}

function noteTheDead(
  world: World,
  state: Uint8Array,
  next: Uint8Array,
  at: number,
  checkpoint: number,
): void {
  const there = read(state, world.record(checkpoint) + STATE);
  const isDeleting = there === DELETING && !world.keeps('deletingIsLive');
  if (there === ABORTED || there === COLLECTING || isDeleting) {
    add(next, at + DEAD_RECORDS, 1 << checkpoint);
  }
}

/** What is live: record by record, then the readers' pins; or, where reads run ahead, a root that is still to be read. */
function passB(world: World, state: Uint8Array, at: number, me: string, emit: Emit): void {
  const { checkpoints, readers = [], compactions = [], readsAhead } = world.configuration;
  const rootsLeft = rootSteps(world, state, at, me, emit);
  if (rootsLeft && readsAhead !== true) return;

  const index = read(state, at + INDEX);
  const reader = index - checkpoints.length;
  const compaction = reader - readers.length;
  const next = world.fork(state);
  next[at + INDEX] = index + 1;
  if (reader < 0) {
    if (!world.keeps('twoPasses')) noteTheDead(world, state, next, at, index);
    readRecord(world, state, next, at, index);
    emit(`${me}, pass B: reads ${name(index)}'s record`, next);
  } else if (compaction < 0) {
    const pin = world.reader(reader);
    if (world.keeps('readerPins') && read(state, pin + READER_PIN) === HELD) {
      add(next, at + PINNED_ROOTS, 1 << (read(state, pin + TARGET_ROOT) - 1));
    }
    emit(`${me}, pass B: reads reader ${reader}'s pin`, next);
  } else if (compaction < compactions.length && !world.keeps('claimInRecord')) {
    if (read(state, world.compaction(compaction) + COMPACTION_PIN) === HELD) {
      const [first = 0] = compactions[compaction] ?? [];
      markOwners(next, at, world.claimedPrefixes(first, compaction));
    }
    emit(`${me}, pass B: reads the compaction's pin`, next);
  } else if (!rootsLeft) {
    if (!world.keeps('listFirst')) list(world, next, at);
    emit(`${me} ends pass B`, entered(next, at, DELETE));
  }
}

/** What a record says is live. The root that it names is read in a step of its own. */
function readRecord(
  world: World,
  state: Uint8Array,
  next: Uint8Array,
  at: number,
  checkpoint: number,
): void {
  next[at + ROOT_OF + checkpoint] = 0;
  if (((read(next, at + DEAD_RECORDS) >> checkpoint) & 1) === 1) return;
  const record = world.record(checkpoint);
  const there = read(state, record + STATE);
  const compacted = compactedRoot(world, state, record) & ~read(state, at + SEEN_ROOTS);
  const isNewGrave = there === GONE && ((read(state, at + OLD_GRAVES) >> checkpoint) & 1) === 0;
  if (compacted !== 0 && world.keeps('stopAtReplacedRoots')) {
    stop(world, next, at);
  } else if (isNewGrave && world.keeps('stopAtNewGraves')) {
    stop(world, next, at);
  } else if (there === OPEN) {
    if (world.keeps('ownPrefix')) markOwners(next, at, world.prefixes[checkpoint] ?? 0);
    if (world.keeps('pinnedRoots')) {
      next[at + ROOT_OF + checkpoint] = read(state, record + PINNED_ROOT);
    }
  } else if (there === COMMITTED || there === DELETING) {
    const claim = read(state, record + CLAIM);
    if (claim !== 0 && world.keeps('claimPrefix')) {
      markOwners(next, at, world.claimedPrefixes(checkpoint, claim - 1));
    }
    next[at + ROOT_OF + checkpoint] = read(state, record + ROOT);
  } else if (there === COLLECTING && world.keeps('lateCollectingIsLive')) {
    next[at + ROOT_OF + checkpoint] = read(state, record + ROOT);
  }
}

/** The record's root as a mask, if a compaction made it. */
function compactedRoot(world: World, state: Uint8Array, record: number): number {
  const owner = read(state, record + ROOT) - 1;
  return owner >= world.firstCompactionOwner ? 1 << owner : 0;
}

/** Back to the beginning: at the end of a run, or where another collector is at work and this one gives up. */
function stop(world: World, next: Uint8Array, at: number): void {
  next.fill(0, at, at + world.collectorFields);
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
    emit(`${me}, pass B: reads ${whose} for ${name(checkpoint)}${there ? '' : ': missing'}`, next);
    if (readsAhead !== true) return true;
  }
  for (const owner of bits(read(state, at + PINNED_ROOTS))) {
    found = true;
    const next = world.fork(state);
    next[at + PINNED_ROOTS] = read(state, at + PINNED_ROOTS) & ~(1 << owner);
    const there = markRoot(world, state, next, at, owner);
    emit(
      `${me}, pass B: reads the pinned root of ${world.owners[owner]?.name}${there ? '' : ': missing'}`,
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
 * but for a pin that its writer has not confirmed and never will, and for a record that another collector has taken up.
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
  } else if (there === COLLECTING && world.keeps('stopAtMissingRoots')) {
    stop(world, next, at);
  }
}

/** Deletes the listed objects that are not live: at once, or where the configuration says so one in each step. */
function deletions(world: World, state: Uint8Array, at: number, me: string, emit: Emit): void {
  const packs = read(state, at + LISTED_PACKS) & ~read(state, at + LIVE_PACKS);
  const roots = read(state, at + LISTED_ROOTS) & ~read(state, at + LIVE_ROOTS);
  const next = world.fork(state);
  if (world.configuration.deletesLater === true) {
    add(next, world.packsListed, packs);
    add(next, world.rootsListed, roots);
    for (const field of [LISTED_PACKS, LISTED_ROOTS, LIVE_PACKS, LIVE_ROOTS]) next[at + field] = 0;
    emit(`${me} writes the list of what is to be deleted`, entered(next, at, BURY));
    return;
  }
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

/** Whoever has a list, of whatever age, deletes an object that it names: once, or again. */
export function listedDeletionSteps(world: World, state: Uint8Array, emit: Emit): void {
  for (const [listed, gone, what] of [
    [world.packsListed, world.packsGone, 'pack'],
    [world.rootsListed, world.rootsGone, 'root'],
  ] as const) {
    for (const owner of bits(read(state, listed))) {
      const next = world.fork(state);
      add(next, gone, 1 << owner);
      // An object that is gone stays so: to delete it again changes nothing. Where names come again it does.
      if (world.keeps('freshNames')) next[listed] = read(state, listed) & ~(1 << owner);
      emit(`the ${what} of ${world.owners[owner]?.name} is deleted by an earlier list`, next);
    }
  }
}

/** The next record of D gets its tombstone. */
function burials(world: World, state: Uint8Array, at: number, me: string, emit: Emit): void {
  const dead = read(state, at + DEAD_RECORDS);
  const [checkpoint] = bits(dead);
  const next = world.fork(state);
  if (checkpoint === undefined) {
    stop(world, next, at);
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
