import { NotStreamable } from '../errors.ts';
import { Arrivals } from './arrivals.ts';
import type { ByteStream } from './byte-stream.ts';

/** However small the look-aside buffer is told to be, it holds this many clusters, and this much. */
const fewestBlocks = 4;
const leastBytes = 2 ** 17;

/**
 * The file's clusters between the moment they arrive and the moment that the order of guest addresses asks for them. Holds at most
 * `limitBytes`: a cluster is dropped when it is taken, and when room is wanted, first those whose parts were taken, then the oldest.
 * One that is asked for after it was dropped makes the image NotStreamable.
 */
export class LookAside {
  readonly #stream: ByteStream;
  readonly #blockBytes: number;
  readonly #limitBytes: number;
  /** Clusters of which nothing was taken. */
  readonly #fresh = new Arrivals();
  /** Clusters of which a part was taken. */
  readonly #touched = new Arrivals();
  /** L2 tables that arrived before their turn; they are never dropped. */
  readonly #tables = new Map<number, Uint8Array>();
  #heldBytes = 0;
  #expected: Float64Array = new Float64Array();
  #nextExpected = 0;

  constructor(stream: ByteStream, blockBytes: number, limitBytes: number) {
    this.#stream = stream;
    this.#blockBytes = blockBytes;
    this.#limitBytes = Math.max(limitBytes, leastBytes, fewestBlocks * blockBytes);
  }

  /** Puts back what was read along with the header; `start` is the start of the file, in whole clusters or to its end. */
  restore(start: Uint8Array): void {
    for (let offset = this.#blockBytes; offset < start.length; offset += this.#blockBytes) {
      this.#keep(offset, start.slice(offset, offset + this.#blockBytes));
    }
  }

  /** The clusters at these offsets (0 is none) are L2 tables, those that have arrived and those to come. */
  expectTables(offsets: Float64Array): void {
    this.#expected = offsets.toSorted();
    this.#nextExpected = 0;
    for (const offset of this.#expected) {
      if (offset >= this.#stream.position) break;
      const table = this.#fresh.take(offset);
      if (table !== undefined) this.#tables.set(offset, table);
    }
  }

  /** An L2 table that was expected, of the size of a cluster; kept until `dropTable`. */
  async table(offset: number): Promise<Uint8Array> {
    while (this.#stream.position <= offset) await this.#advance();
    const table = this.#tables.get(offset);
    if (table === undefined) throw new NotStreamable('an L2 table came too early', offset);
    return table;
  }

  dropTable(offset: number): void {
    const table = this.#tables.get(offset);
    if (table === undefined) return;
    this.#tables.delete(offset);
    this.#heldBytes -= table.length;
  }

  /** A copy of `[offset, offset + length)` of the file. With `keep`, others may still ask for parts of the same clusters. */
  async copy(offset: number, length: number, keep: boolean): Promise<Uint8Array> {
    const copied = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const within = (offset + done) % this.#blockBytes;
      const blockOffset = offset + done - within;
      const block = await this.#block(blockOffset);
      const part = block.subarray(within, within + length - done);
      copied.set(part, done);
      done += part.length;
      if (keep) this.#touch(blockOffset);
      else this.#drop(blockOffset);
    }
    return copied;
  }

  async #block(offset: number): Promise<Uint8Array> {
    while (this.#stream.position <= offset) await this.#advance();
    const block = this.#fresh.get(offset) ?? this.#touched.get(offset);
    if (block === undefined) throw new NotStreamable('data came too early', offset);
    return block;
  }

  async #advance(): Promise<void> {
    const offset = this.#stream.position;
    this.#keep(offset, await this.#stream.take(this.#blockBytes));
  }

  #keep(offset: number, block: Uint8Array): void {
    while (
      this.#nextExpected < this.#expected.length &&
      this.#expected[this.#nextExpected]! < offset
    ) {
      this.#nextExpected += 1;
    }
    const isTable = this.#expected[this.#nextExpected] === offset;
    if (isTable) this.#tables.set(offset, block);
    else this.#fresh.add(offset, block);
    this.#heldBytes += block.length;
    this.#makeRoom(offset);
  }

  #makeRoom(newest: number): void {
    while (this.#heldBytes > this.#limitBytes) {
      const dropped = this.#touched.takeOldest() ?? this.#fresh.takeOldest();
      if (dropped === undefined) {
        throw new NotStreamable('more L2 tables came early than the buffer holds', newest);
      }
      this.#heldBytes -= dropped.length;
    }
  }

  #touch(offset: number): void {
    const block = this.#fresh.take(offset);
    if (block !== undefined) this.#touched.add(offset, block);
  }

  #drop(offset: number): void {
    const block = this.#fresh.take(offset) ?? this.#touched.take(offset);
    this.#heldBytes -= block?.length ?? 0;
  }
}
