import type { Rule } from './rules.ts';

/** A system to be checked: who takes part. All numbers are kept small; the checker tries every order of steps. */
export interface Configuration {
  readonly name: string;
  /** In the order in which the register lists their records. */
  readonly checkpoints: readonly CheckpointPlan[];
  /** Checkpoints (by index) that the writers make; two writers of one checkpoint are two workers of one execution. */
  readonly writers: readonly number[];
  /** Checkpoints that may be marked for deletion and brought back, any number of times. */
  readonly prunable: readonly number[];
  /** Checkpoints that readers may choose; one reader for each entry. */
  readonly readers?: readonly (readonly number[])[];
  /** Checkpoints that are compacted; one compaction for each entry, which rewrites all of its checkpoints together. */
  readonly compactions?: readonly (readonly number[])[];
  readonly collectors: number;
  /** Answers to a compare-and-set may be lost. */
  readonly lostAnswers?: boolean;
  /** Collectors read on while roots are still to be read, in any order. */
  readonly readsAhead?: boolean;
  /** Collectors delete one object in each step. */
  readonly deletesApart?: boolean;
  /** Collectors write a list of what is to be deleted, from which others delete one object in each step, at any time later. */
  readonly deletesLater?: boolean;
  /** Steps, by name, that are taken at the beginning: only what can follow them is checked. */
  readonly after?: readonly string[];
}

export interface CheckpointPlan {
  /** COMMITTED from the start. */
  readonly existing?: boolean;
  /** An existing one whose root names what that of this one names, too. */
  readonly onto?: number;
  /** Checkpoints that its writer may build on; `base`: whatever the base pointer names. */
  readonly ancestors?: readonly (number | 'base')[];
}

export const ABSENT = 0;
export const OPEN = 1;
export const COMMITTED = 2;
export const ABORTED = 3;
export const DELETING = 4;
export const COLLECTING = 5;
/** Removed: a tombstone. */
export const GONE = 6;

export const NO_PIN = 0;
export const HELD = 1;
export const FENCED = 2;

/** Fields of a record. */
export const STATE = 0;
/** Owner + 1 of the root it names; 0 for none. */
export const ROOT = 1;
/** Checkpoint + 1 and owner + 1 of the root that its pin names; 0 for none. */
export const PINNED = 2;
export const PINNED_ROOT = 3;
export const CONFIRMED = 4;
/** Compaction + 1 that claims it. */
export const CLAIM = 5;
const RECORD_FIELDS = 6;

/** Fields of a collector: where it is, what it listed, what it knows. Sets are bit masks. */
export const PHASE = 0;
export const INDEX = 1;
export const LISTED_PACKS = 2;
export const LISTED_ROOTS = 3;
export const DEAD_RECORDS = 4;
export const LIVE_PACKS = 5;
export const LIVE_ROOTS = 6;
/** Roots that pins name and that are still to be read, as a mask of owners. */
export const PINNED_ROOTS = 7;
/** Records that were removed already when pass A came to them. */
export const OLD_GRAVES = 8;
/** Roots of compactions that pass A saw, as a mask of owners. */
export const SEEN_ROOTS = 9;
/** From here on one field for each record: owner + 1 of the root that it named and that is still to be read. */
export const ROOT_OF = 10;

export const WRITER_FIELDS = 4;
export const READER_FIELDS = 4;
/** Fields of a compaction, and one more for each checkpoint that it rewrites: owner + 1 of the root that is replaced. */
export const COMPACTION_FIELDS = 4;

/**
 * Objects are put once, by one owner: an existing checkpoint, a writer, or a compaction for each of its checkpoints, owns one pack and
 * one root. They carry the checkpoint's prefix. Of a compaction only the first owner puts its pack: the roots share it.
 */
export interface Owner {
  readonly name: string;
  readonly checkpoint: number;
}

/** Where everything of a configuration lies in the state vector. */
export class World {
  readonly configuration: Configuration;
  readonly off: ReadonlySet<Rule>;
  readonly owners: readonly Owner[];
  /** Owners of each checkpoint's prefix, as a mask. */
  readonly prefixes: readonly number[];
  readonly width: number;
  readonly packsPut: number;
  readonly packsGone: number;
  readonly rootsPut: number;
  readonly rootsGone: number;
  /** What lists that were made earlier still want deleted. */
  readonly packsListed: number;
  readonly rootsListed: number;
  /** Checkpoint + 1 that the base pointer names. */
  readonly base: number;
  /** A rule of the record itself was broken: a second commit, or a commit out of the grave. */
  readonly broken: number;
  /** Whether anybody looks at the base pointer. */
  readonly usesBase: boolean;
  readonly collectorFields: number;
  readonly firstWriterOwner: number;
  readonly firstCompactionOwner: number;
  readonly #contents: number;
  readonly #writers: number;
  readonly #readers: number;
  readonly #compactions: readonly number[];
  readonly #collectors: number;
  readonly #scratch: Uint8Array;

  constructor(configuration: Configuration, off: Iterable<Rule> = []) {
    this.configuration = configuration;
    this.off = new Set(off);
    const { checkpoints, writers, readers = [], compactions = [], collectors } = configuration;
    const existing = checkpoints.flatMap(({ existing }, checkpoint) =>
      existing ? [{ name: name(checkpoint), checkpoint }] : [],
    );
    this.firstWriterOwner = existing.length;
    this.firstCompactionOwner = existing.length + writers.length;
    this.owners = [
      ...existing,
      ...writers.map((checkpoint, writer) => ({
        name: `${name(checkpoint)} (writer ${writer})`,
        checkpoint,
      })),
      ...compactions.flat().map((checkpoint) => ({
        name: `compaction of ${name(checkpoint)}`,
        checkpoint,
      })),
    ];
    if (this.owners.length > 8) throw new Error('Masks of owners have 8 bits.');
    this.prefixes = checkpoints.map((_, checkpoint) =>
      this.owners.reduce(
        (mask, owner, index) => (owner.checkpoint === checkpoint ? mask | (1 << index) : mask),
        0,
      ),
    );
    this.collectorFields = ROOT_OF + checkpoints.length;
    this.usesBase = checkpoints.some(({ ancestors = [] }) => ancestors.includes('base'));
    let at = checkpoints.length * RECORD_FIELDS;
    const take = (fields: number) => (at += fields) - fields;
    this.#contents = take(this.owners.length);
    this.packsPut = take(1);
    this.packsGone = take(1);
    this.rootsPut = take(1);
    this.rootsGone = take(1);
    this.packsListed = take(1);
    this.rootsListed = take(1);
    this.base = take(1);
    this.broken = take(1);
    this.#writers = take(writers.length * WRITER_FIELDS);
    this.#readers = take(readers.length * READER_FIELDS);
    this.#compactions = compactions.map((group) => take(COMPACTION_FIELDS + group.length));
    this.#collectors = take(collectors * this.collectorFields);
    this.width = at;
    this.#scratch = new Uint8Array(at);
  }

  keeps(rule: Rule): boolean {
    return !this.off.has(rule);
  }

  initial(): Uint8Array {
    const state = new Uint8Array(this.width);
    const ownerOf = (checkpoint: number) =>
      this.owners.findIndex((owner) => owner.checkpoint === checkpoint);
    this.configuration.checkpoints.forEach(({ existing, onto }, checkpoint) => {
      if (!existing) return;
      const owner = ownerOf(checkpoint);
      state[this.record(checkpoint) + STATE] = COMMITTED;
      state[this.record(checkpoint) + ROOT] = owner + 1;
      state[this.contents(owner)] = (1 << owner) | (onto === undefined ? 0 : 1 << ownerOf(onto));
      add(state, this.packsPut, 1 << owner);
      add(state, this.rootsPut, 1 << owner);
    });
    return state;
  }

  /** A copy to take a step in; good until the next fork. */
  fork(state: Uint8Array): Uint8Array {
    this.#scratch.set(state);
    return this.#scratch;
  }

  record(checkpoint: number): number {
    return checkpoint * RECORD_FIELDS;
  }

  /** Packs that an owner's root names. */
  contents(owner: number): number {
    return this.#contents + owner;
  }

  writer(writer: number): number {
    return this.#writers + writer * WRITER_FIELDS;
  }

  reader(reader: number): number {
    return this.#readers + reader * READER_FIELDS;
  }

  compaction(compaction: number): number {
    return this.#compactions[compaction] ?? 0;
  }

  /** Owner of what a compaction writes for the n-th of its checkpoints. */
  compactionOwner(compaction: number, n: number): number {
    const { compactions = [] } = this.configuration;
    return this.firstCompactionOwner + compactions.slice(0, compaction).flat().length + n;
  }

  /** All that a compaction writes, as a mask of owners. */
  compactionOwners(compaction: number): number {
    const group = this.configuration.compactions?.[compaction] ?? [];
    return group.reduce((mask, _, n) => mask | (1 << this.compactionOwner(compaction, n)), 0);
  }

  /** What a claim keeps: all that carries the prefix of the claimed checkpoint, or of the one by whose prefix the claimer writes. */
  claimedPrefixes(checkpoint: number, compaction: number): number {
    const [first = 0] = this.configuration.compactions?.[compaction] ?? [];
    return (this.prefixes[checkpoint] ?? 0) | (this.prefixes[first] ?? 0);
  }

  collector(collector: number): number {
    return this.#collectors + collector * this.collectorFields;
  }

  hasRoot(state: Uint8Array, owner: number): boolean {
    const bit = 1 << owner;
    return (read(state, this.rootsPut) & bit) !== 0 && (read(state, this.rootsGone) & bit) === 0;
  }

  /** Whether a root and all that it names are there. */
  isWhole(state: Uint8Array, owner: number): boolean {
    const packs = read(state, this.contents(owner));
    const there = read(state, this.packsPut) & ~read(state, this.packsGone);
    return this.hasRoot(state, owner) && (packs & ~there) === 0;
  }
}

export function read(state: Uint8Array, field: number): number {
  return state[field] ?? 0;
}

export function add(state: Uint8Array, field: number, mask: number): void {
  state[field] = read(state, field) | mask;
}

/** P, Q, R, … */
export function name(checkpoint: number): string {
  return String.fromCharCode('P'.charCodeAt(0) + checkpoint);
}

/** The indices of the bits that are set. */
export function bits(mask: number): number[] {
  const found: number[] = [];
  for (let bit = 0; mask >> bit !== 0; bit++) if ((mask >> bit) & 1) found.push(bit);
  return found;
}
