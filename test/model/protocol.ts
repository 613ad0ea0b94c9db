import type { Model } from './checker.ts';
import { collectorSteps, listedDeletionSteps } from './collector.ts';
import { compactionSteps } from './compaction.ts';
import { deadlineSteps } from './deadlines.ts';
import { PIN, READING, readerSteps, STEP, TARGET_ROOT } from './reader.ts';
import type { Rule } from './rules.ts';
import {
  CLAIM,
  COMMITTED,
  CONFIRMED,
  type Configuration,
  DELETING,
  HELD,
  LISTED_PACKS,
  LISTED_ROOTS,
  LIVE_PACKS,
  LIVE_ROOTS,
  name,
  OPEN,
  PINNED_ROOT,
  read,
  ROOT,
  STATE,
  World,
} from './world.ts';
import { writerSteps } from './writer.ts';

/** The record protocol with writers, readers, compactions and collectors, of which any rule may be left out. */
export function protocol(configuration: Configuration, off: Iterable<Rule> = []): Model {
  const world = new World(configuration, off);
  const { writers, readers = [], compactions = [], collectors, after = [] } = configuration;
  const successors: Model['successors'] = (state, emit) => {
    const take = (step: string, next: Uint8Array) => {
      forgetWhatIsSettled(world, next);
      orderCollectors(world, next);
      emit(step, next);
    };
    deadlineSteps(world, state, take);
    for (let writer = 0; writer < writers.length; writer++) writerSteps(world, writer, state, take);
    for (let reader = 0; reader < readers.length; reader++) readerSteps(world, reader, state, take);
    for (let index = 0; index < compactions.length; index++) {
      compactionSteps(world, index, state, take);
    }
    for (let index = 0; index < collectors; index++) collectorSteps(world, index, state, take);
    listedDeletionSteps(world, state, take);
  };
  return {
    width: world.width,
    initial: () => after.reduce((state, step) => taken(successors, state, step), world.initial()),
    successors,
    violation: (state) => violation(world, state),
  };
}

/** The state after a step of this name. */
function taken(successors: Model['successors'], state: Uint8Array, step: string): Uint8Array {
  let reached: Uint8Array | undefined;
  successors(state, (name, next) => {
    if (name === step) reached ??= next.slice();
  });
  if (reached === undefined) throw new Error(`There is no step "${step}" there.`);
  return reached;
}

function violation(world: World, state: Uint8Array): string | undefined {
  const { checkpoints, readers = [] } = world.configuration;
  for (let checkpoint = 0; checkpoint < checkpoints.length; checkpoint++) {
    const lost = lostOf(world, checkpoint, state);
    if (lost !== undefined) return `LOSS: ${lost}`;
  }
  for (let reader = 0; reader < readers.length; reader++) {
    const at = world.reader(reader);
    const reading = read(state, at + STEP) === READING && read(state, at + PIN) === HELD;
    if (reading && !world.isWhole(state, read(state, at + TARGET_ROOT) - 1)) {
      return `LOSS: reader ${reader} reads a checkpoint of which objects are deleted`;
    }
  }
  if (read(state, world.broken) === 1) return 'BROKEN: a checkpoint is committed twice';
  if (read(state, world.broken) === 2)
    return 'LOSS: a collector finds the root of a checkpoint missing';
  return undefined;
}

/** Objects that a record refers to, or protects, and that are deleted. */
function lostOf(world: World, checkpoint: number, state: Uint8Array): string | undefined {
  const record = world.record(checkpoint);
  const there = read(state, record + STATE);
  if (there === COMMITTED || there === DELETING) {
    if (!world.isWhole(state, read(state, record + ROOT) - 1)) {
      return `${name(checkpoint)} is ${there === COMMITTED ? 'COMMITTED' : 'DELETING'} and refers to deleted objects`;
    }
    const claim = read(state, record + CLAIM);
    const claimed =
      claim === 0
        ? 0
        : world.compactionOwners(claim - 1) & world.claimedPrefixes(checkpoint, claim - 1);
    if (anyGone(world, state, claimed)) {
      return `a compaction claims ${name(checkpoint)}, and objects that it wrote are deleted`;
    }
  }
  if (there !== OPEN) return undefined;
  if (anyGone(world, state, world.prefixes[checkpoint] ?? 0)) {
    return `${name(checkpoint)} is OPEN, and objects that it wrote are deleted`;
  }
  const pinned = read(state, record + PINNED_ROOT);
  const confirmed = read(state, record + CONFIRMED) === 1;
  if (confirmed && pinned !== 0 && !world.isWhole(state, pinned - 1)) {
    return `${name(checkpoint)} is OPEN and builds on deleted objects`;
  }
  return undefined;
}

function anyGone(world: World, state: Uint8Array, owners: number): boolean {
  return ((read(state, world.packsGone) | read(state, world.rootsGone)) & owners) !== 0;
}

/** Of what a collector listed only that matters which it may still delete. Fewer states, no others. */
function forgetWhatIsSettled(world: World, state: Uint8Array): void {
  if (!world.keeps('listFirst')) return;
  for (let collector = 0; collector < world.configuration.collectors; collector++) {
    const at = world.collector(collector);
    const settledPacks = read(state, at + LIVE_PACKS) | read(state, world.packsGone);
    const settledRoots = read(state, at + LIVE_ROOTS) | read(state, world.rootsGone);
    state[at + LISTED_PACKS] = read(state, at + LISTED_PACKS) & ~settledPacks;
    state[at + LISTED_ROOTS] = read(state, at + LISTED_ROOTS) & ~settledRoots;
    state[at + LIVE_PACKS] = 0;
    state[at + LIVE_ROOTS] = 0;
  }
}

/** Collectors are alike: of two states that differ in who is who, one is enough. */
function orderCollectors(world: World, state: Uint8Array): void {
  const { collectors } = world.configuration;
  for (let last = collectors - 1; last > 0; last--) {
    for (let index = 0; index < last; index++) {
      const one = world.collector(index);
      const other = world.collector(index + 1);
      if (comesAfter(state, one, other, world.collectorFields)) {
        swap(state, one, other, world.collectorFields);
      }
    }
  }
}

function comesAfter(state: Uint8Array, one: number, other: number, fields: number): boolean {
  for (let field = 0; field < fields; field++) {
    const difference = read(state, one + field) - read(state, other + field);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

function swap(state: Uint8Array, one: number, other: number, fields: number): void {
  for (let field = 0; field < fields; field++) {
    const kept = read(state, one + field);
    state[one + field] = read(state, other + field);
    state[other + field] = kept;
  }
}
