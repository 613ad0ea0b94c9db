import { hash } from 'node:crypto';

/** 128 bits of a SHA-256: two keys that share them will not be met. */
const WORDS = 4;
const FIRST_CAPACITY = 1 << 10;
const MAX_LOAD = 0.7;

/**
 * A set of object keys with sizes and marks, without the keys themselves: 21 bytes for each and the free room of a hash table, so that
 * the 16 million packs of a petabyte take some 700 MB.
 */
export class KeyTable {
  size = 0;
  /** In the order in which the keys came. */
  #digests = new Uint32Array(FIRST_CAPACITY * WORDS);
  #sizes = new Uint32Array(FIRST_CAPACITY);
  #marks = new Uint8Array(FIRST_CAPACITY);
  /** The hash table: for each slot the number + 1 of the key in it. */
  #slots = new Uint32Array(FIRST_CAPACITY * 2);

  /** False when the key was there already. */
  add(key: string, sizeBytes: number): boolean {
    const digest = digestOf(key);
    const slot = this.#slotOf(digest);
    if (this.#slots[slot] !== 0) return false;
    if (this.size === this.#marks.length) this.#growKeys();
    this.#digests.set(digest, this.size * WORDS);
    this.#sizes[this.size] = sizeBytes;
    this.size += 1;
    this.#slots[slot] = this.size;
    if (this.size > this.#slots.length * MAX_LOAD) this.#growSlots();
    return true;
  }

  has(key: string): boolean {
    return this.#numberOf(key) >= 0;
  }

  /** Marks the key, and returns the size that it came with; undefined for a key that is not in the set, or marked already. */
  mark(key: string): number | undefined {
    const number = this.#numberOf(key);
    if (number < 0 || this.#marks[number] === 1) return undefined;
    this.#marks[number] = 1;
    return this.#sizes[number];
  }

  /** Whether the key is in the set and was never marked. */
  isUnmarked(key: string): boolean {
    const number = this.#numberOf(key);
    return number >= 0 && this.#marks[number] === 0;
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

  #growKeys(): void {
    const digests = new Uint32Array(this.#digests.length * 2);
    digests.set(this.#digests);
    this.#digests = digests;
    const sizes = new Uint32Array(this.#sizes.length * 2);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
    const marks = new Uint8Array(this.#marks.length * 2);
    marks.set(this.#marks);
    this.#marks = marks;
  }

  #growSlots(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let number = 0; number < this.size; number++) {
      const digest = this.#digests.subarray(number * WORDS, (number + 1) * WORDS);
      this.#slots[this.#slotOf(digest)] = number + 1;
    }
  }
}

function digestOf(key: string): Uint32Array {
  const bytes = hash('sha256', key, 'buffer');
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4 * WORDS));
}
