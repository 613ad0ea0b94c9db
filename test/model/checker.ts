/** A system of processes, as a state vector of bytes and the steps that lead from one to the next. */
export interface Model {
  /** Bytes of a state. */
  readonly width: number;
  initial(): Uint8Array;
  /** Hands out every state that one step leads to. The array is taken from at once, and may be reused by the model. */
  successors(state: Uint8Array, emit: (step: string, next: Uint8Array) => void): void;
  /** What is wrong in a state; undefined where nothing is. */
  violation(state: Uint8Array): string | undefined;
}

export interface Verdict {
  /** `safe`: every reachable state was seen, and none is wrong. `bounded`: none of those seen is, and there are more. */
  outcome: 'safe' | 'violated' | 'bounded';
  states: number;
  /** Steps from the initial state to the wrong one, the fewest possible, and then what is wrong. */
  trace: string[];
}

/**
 * Visits the reachable states breadth first. Of a visited state only a hash of 64 bits is kept (hash compaction), and how it was
 * reached: 13 bytes and the free room of the table. Two states share a hash in a run of ten million with a probability of about 3e-6.
 */
export function check(model: Model, maxStates = Number.POSITIVE_INFINITY): Verdict {
  const visited = new VisitedStates();
  const initial = model.initial();
  visited.add(hash(initial), 0, 0);
  const found = wrong(model, visited, 0, model.violation(initial));
  if (found !== undefined) return found;

  let level = new StateList(model.width);
  level.push(initial);
  let firstOfLevel = 0;
  while (level.count > 0) {
    const next = new StateList(model.width);
    for (let index = 0; index < level.count; index++) {
      let ordinal = 0;
      let violation: string | undefined;
      model.successors(level.at(index), (_, state) => {
        ordinal += 1;
        if (violation !== undefined) return;
        if (!visited.add(hash(state), firstOfLevel + index, ordinal)) return;
        violation = model.violation(state);
        next.push(state);
      });
      const verdict = wrong(model, visited, visited.count - 1, violation);
      if (verdict !== undefined) return verdict;
    }
    firstOfLevel += level.count;
    level = next;
    if (visited.count >= maxStates && level.count > 0) {
      return { outcome: 'bounded', states: visited.count, trace: [] };
    }
  }
  return { outcome: 'safe', states: visited.count, trace: [] };
}

function wrong(
  model: Model,
  visited: VisitedStates,
  index: number,
  violation: string | undefined,
): Verdict | undefined {
  if (violation === undefined) return undefined;
  const trace = [...replay(model, visited.wayTo(index)), violation];
  return { outcome: 'violated', states: visited.count, trace };
}

/** The names of the steps, found by taking them again. */
function replay(model: Model, ordinals: readonly number[]): string[] {
  let state = model.initial();
  return ordinals.map((wanted) => {
    let ordinal = 0;
    let taken = '';
    let reached = state;
    model.successors(state, (step, next) => {
      ordinal += 1;
      if (ordinal !== wanted) return;
      taken = step;
      reached = next.slice();
    });
    state = reached;
    return taken;
  });
}

/** States one behind the other in one array, without an object for each. */
class StateList {
  count = 0;
  readonly #width: number;
  #bytes: Uint8Array;

  constructor(width: number) {
    this.#width = width;
    this.#bytes = new Uint8Array(1024 * width);
  }

  push(state: Uint8Array): void {
    const end = (this.count + 1) * this.#width;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(state, end - this.#width);
    this.count += 1;
  }

  at(index: number): Uint8Array {
    return this.#bytes.subarray(index * this.#width, (index + 1) * this.#width);
  }
}

interface Hash {
  high: number;
  low: number;
}

/** The hash of the state last asked for; one object, since there are millions of states. */
const hashed: Hash = { high: 0, low: 0 };

function hash(state: Uint8Array): Hash {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = 0; index < state.length; index++) {
    const byte = state[index] ?? 0;
    high = Math.imul(high ^ byte, 0x01000193);
    high ^= high >>> 15;
    low = Math.imul(low + byte + 1, 0xcc9e2d51);
    low ^= low >>> 13;
  }
  hashed.high = Math.imul(high ^ (low >>> 7), 0x2c1b3c6d) >>> 0;
  // Zero marks a free slot.
  hashed.low = Math.imul(low ^ (high >>> 9), 0x297a2d39) >>> 0 || 1;
  return hashed;
}

/** The hashes of the states seen, and by which step of which state each was reached first. */
class VisitedStates {
  count = 0;
  #slots = new Uint32Array(2 << 16);
  #parents = new Uint32Array(1 << 15);
  #ordinals = new Uint8Array(1 << 15);

  /** False when the state was seen before. */
  add({ high, low }: Hash, parent: number, ordinal: number): boolean {
    if (!insert(this.#slots, high, low)) return false;
    if (this.count === this.#parents.length) this.#grow();
    this.#parents[this.count] = parent;
    this.#ordinals[this.count] = ordinal;
    this.count += 1;
    return true;
  }

  /** The ordinals of the steps from the initial state to a state. */
  wayTo(index: number): number[] {
    const ordinals: number[] = [];
    for (let at = index; at > 0; at = this.#parents[at] ?? 0) {
      ordinals.push(this.#ordinals[at] ?? 0);
    }
    return ordinals.reverse();
  }

  #grow(): void {
    const parents = new Uint32Array(this.#parents.length * 2);
    parents.set(this.#parents);
    this.#parents = parents;
    const ordinals = new Uint8Array(this.#ordinals.length * 2);
    ordinals.set(this.#ordinals);
    this.#ordinals = ordinals;
    const slots = new Uint32Array(this.#slots.length * 2);
    for (let at = 0; at < this.#slots.length; at += 2) {
      const low = this.#slots[at + 1] ?? 0;
      if (low !== 0) insert(slots, this.#slots[at] ?? 0, low);
    }
    this.#slots = slots;
  }
}

/** Open addressing over pairs; false when the pair is there. */
function insert(slots: Uint32Array, high: number, low: number): boolean {
  const mask = slots.length / 2 - 1;
  for (let slot = high & mask; ; slot = (slot + 1) & mask) {
    const there = slots[2 * slot + 1];
    if (there === 0) {
      slots[2 * slot] = high;
      slots[2 * slot + 1] = low;
      return true;
    }
    if (there === low && slots[2 * slot] === high) return false;
  }
}
