import { hash } from 'node:crypto';

/** 128 bits of a SHA-256: two keys that share them will not be met. */
const WORDS = 4;
const FIRST_CAPACITY = 1 << 10;
const MAX_LOAD = 0.7;

const MARKED = 1;

/**
 * A set of object keys with sizes and marks, without the keys themselves: 25 bytes for each and the free room of a hash table, so that
 * the 16 million packs of a petabyte take some 800 MB.
 */
export class KeyTable {
  /** Of an encoded table, for each key. */
  static readonly ENTRY_BYTES = 4 * WORDS + 4 + 4 + 1;
  size = 0;
  /** In the order in which the keys came. */
  #digests = new Uint32Array(FIRST_CAPACITY * WORDS);
  #sizes = new Uint32Array(FIRST_CAPACITY);
  #used = new Uint32Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);
  /** The hash table: for each slot the number + 1 of the key in it. */
  #slots = new Uint32Array(FIRST_CAPACITY * 2);

  /** False when the key was there already. The flags are the caller's own, from 2 on. */
  add(key: string, sizeBytes = 0, flags = 0): boolean {
    const digest = digestOf(key);
    const slot = this.#slotOf(digest);
    if (this.#slots[slot] !== 0) return false;
    if (this.size === this.#flags.length) this.#growKeys(this.size * 2);
    this.#digests.set(digest, this.size * WORDS);
    this.#sizes[this.size] = sizeBytes;
    this.#flags[this.size] = flags & ~MARKED;
    this.size += 1;
    this.#slots[slot] = this.size;
    if (this.size > this.#slots.length * MAX_LOAD) this.#growSlots(this.#slots.length * 2);
    return true;
  }

  has(key: string): boolean {
    return this.#numberOf(key) >= 0;
  }

  /**
   * Marks the key, notes how much of it is used if that is the most so far, and adds flags. Returns the size that the key came with;
   * undefined for one that is not in the set, or marked already.
   */
  mark(key: string, usedBytes = 0, flags = 0): number | undefined {
    const number = this.#numberOf(key);
    if (number < 0) return undefined;
    const before = this.#flags[number] ?? 0;
    this.#flags[number] = before | MARKED | flags;
    if (usedBytes > (this.#used[number] ?? 0)) this.#used[number] = usedBytes;
    return (before & MARKED) === 0 ? this.#sizes[number] : undefined;
  }

  /** What is known of the key; undefined when it is not in the set. */
  get(key: string): KeyEntry | undefined {
    const number = this.#numberOf(key);
    return number < 0 ? undefined : this.#entry(number);
  }

  *entries(): Generator<KeyEntry, void, undefined> {
    for (let number = 0; number < this.size; number++) yield this.#entry(number);
  }

  /** All of the table, for another process. */
  encode(): Buffer[] {
    const { size } = this;
    return [
      this.#digests.subarray(0, size * WORDS),
      this.#sizes.subarray(0, size),
      this.#used.subarray(0, size),
      this.#flags.subarray(0, size),
    ].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
  }

  /** The table of so many keys that these bytes, the encoded pieces joined, stand for. */
  static decode(bytes: Uint8Array, size: number): KeyTable {
    const table = new KeyTable();
    let capacity = FIRST_CAPACITY;
    while (capacity < size) capacity *= 2;
    table.#growKeys(capacity);
    let at = 0;
    for (const [array, length] of [
      [table.#digests, size * WORDS],
      [table.#sizes, size],
      [table.#used, size],
      [table.#flags, size],
    ] as const) {
      const target = new Uint8Array(array.buffer, 0, length * array.BYTES_PER_ELEMENT);
      target.set(bytes.subarray(at, at + target.length));
      at += target.length;
    }
    if (at !== bytes.length) throw new RangeError(`A table of ${size} keys has ${at} bytes.`);
    table.size = size;
    let slots = table.#slots.length;
    while (size > slots * MAX_LOAD) slots *= 2;
    table.#growSlots(slots);
    return table;
  }

  #entry(number: number): KeyEntry {
    const flags = this.#flags[number] ?? 0;
    return {
      sizeBytes: this.#sizes[number] ?? 0,
      usedBytes: this.#used[number] ?? 0,
      isMarked: (flags & MARKED) !== 0,
      flags: flags & ~MARKED,
    };
  }

  #numberOf(key: string): number {
    return (this.#slots[this.#slotOf(digestOf(key))] ?? 0) - 1;
  }

  /** The slot that holds the digest, or the free one where it belongs. */
  #slotOf(digest: Uint32Array): number {
    const mask = this.#slots.length - 1;
    let slot = (digest[0] ?? 0) & mask;
    for (;;) {
      const number = (this.#slots[slot] ?? 0) - 1;
      if (number < 0 || this.#holds(number, digest)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #holds(number: number, digest: Uint32Array): boolean {
    for (let word = 0; word < WORDS; word++) {
      if (this.#digests[number * WORDS + word] !== digest[word]) return false;
    }
    return true;
  }

  #growKeys(capacity: number): void {
    this.#digests = grown(this.#digests, new Uint32Array(capacity * WORDS));
    this.#sizes = grown(this.#sizes, new Uint32Array(capacity));
    this.#used = grown(this.#used, new Uint32Array(capacity));
    this.#flags = grown(this.#flags, new Uint8Array(capacity));
  }

  #growSlots(slots: number): void {
    this.#slots = new Uint32Array(slots);
    for (let number = 0; number < this.size; number++) {
      const digest = this.#digests.subarray(number * WORDS, (number + 1) * WORDS);
      this.#slots[this.#slotOf(digest)] = number + 1;
    }
  }
}

export interface KeyEntry {
  readonly sizeBytes: number;
  /** The most that anybody uses of it. */
  readonly usedBytes: number;
  readonly isMarked: boolean;
  readonly flags: number;
}

function digestOf(key: string): Uint32Array {
  const bytes = hash('sha256', key, 'buffer');
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4 * WORDS));
}

function grown<A extends Uint32Array | Uint8Array>(before: A, after: A): A {
  after.set(before);
  return after;
}
