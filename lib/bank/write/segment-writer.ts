import type { DiskPiece } from '../../disk/disk.ts';
import { InvalidInput } from '../../errors.ts';
import type { Bank } from '../bank.ts';
import { type EncodedChunk, encodeChunk, isZero } from '../format/chunk.ts';
import { wrap } from '../format/envelope.ts';
import { type ChunkLocation, MAX_PACK_BYTES } from '../format/pack-layout.ts';
import type { OwnPack, SegmentReceipt } from '../format/receipt.ts';
import type { SegmentRef, SegmentStats } from '../format/root.ts';
import type { SegmentTable } from '../format/segment-table.ts';
import { SegmentTableBuilder } from '../format/segment-table-builder.ts';
import { chunkLength, chunksOfSegment, type DiskGeometry } from '../geometry.ts';
import { retentionOf } from '../lock.ts';
import { newAttempt, type SegmentAttempt, segmentKey } from '../object-keys.ts';
import { digestOf, type ObjectRef } from '../object-ref.ts';
import type { Retention } from '../store/object-lock.ts';
import { PackUploads } from './pack-uploads.ts';
import type { SegmentSource } from './segment-source.ts';

/** Chunks that are compressed on the thread pool, which has four threads, while the next ones are looked at. */
const ENCODING_IN_FLIGHT = 4;

export interface SegmentTarget {
  readonly checkpoint: string;
  readonly disk: number;
  readonly segment: number;
  /** Of the whole disk. */
  readonly guestSizeBytes: number;
}

export interface SegmentWriterOptions {
  readonly signal?: AbortSignal;
  /** Default and most: 64 MiB. */
  readonly packSizeBytes?: number;
}

/** A chunk that no ancestor holds, on its way into a pack. */
interface NewChunk {
  readonly id: Buffer;
  readonly plainLength: number;
  readonly encoded: Promise<EncodedChunk>;
  /** Places in the segment that hold it. */
  readonly indexes: number[];
}

/**
 * Writes one segment of one disk: stores the chunks that no source holds and refers to the others where they are. Every writer is an
 * attempt of its own, under names that were never used before; nothing of it counts until its receipt is used in a commit.
 * End it with `finish`, or with `abandon` on every other way out.
 */
export class SegmentWriter {
  readonly #bank: Bank;
  readonly #target: SegmentTarget;
  readonly #attempt: SegmentAttempt;
  readonly #geometry: DiskGeometry;
  readonly #chunkCount: number;
  readonly #sources: readonly SegmentSource[];
  /** Sources that have held the same at every place so far. */
  #identical: SegmentSource[];
  readonly #table: SegmentTableBuilder;
  readonly #packs: PackUploads;
  /** One for all that this attempt writes. */
  readonly #retention: Retention | undefined;
  readonly #aborted = new AbortController();
  readonly #signal: AbortSignal;
  readonly #encoding: NewChunk[] = [];
  /** Chunks of this segment by id, wherever they lie; filled when the first chunk is not found at its place. */
  #known: Map<string, ChunkLocation | NewChunk> | undefined;
  #next = 0;
  readonly #stats: SegmentStats = {
    readBytes: 0,
    holeChunks: 0,
    reusedChunks: 0,
    newChunks: 0,
    newBytes: 0,
    storedBytes: 0,
  };

  constructor(
    bank: Bank,
    target: SegmentTarget,
    sources: readonly SegmentSource[] = [],
    { signal, packSizeBytes = MAX_PACK_BYTES }: SegmentWriterOptions = {},
  ) {
    const { chunkSizeBytes, chunksPerSegment } = bank.info;
    this.#bank = bank;
    this.#target = target;
    this.#geometry = { guestSizeBytes: target.guestSizeBytes, chunkSizeBytes, chunksPerSegment };
    this.#chunkCount = chunksOfSegment(this.#geometry, target.segment);
    if (!(this.#chunkCount > 0)) {
      throw new InvalidInput(
        `A disk of ${target.guestSizeBytes} bytes has no segment ${target.segment}.`,
      );
    }
    this.#attempt = { ...target, attempt: newAttempt() };
    this.#sources = sources;
    this.#identical = sources.filter(({ table }) => table.chunkCount === this.#chunkCount);
    this.#table = new SegmentTableBuilder(target.disk, target.segment, this.#chunkCount);
    this.#signal =
      signal === undefined ? this.#aborted.signal : AbortSignal.any([signal, this.#aborted.signal]);
    this.#retention = retentionOf(bank);
    this.#packs = new PackUploads(bank, this.#attempt, {
      packSizeBytes,
      signal: this.#signal,
      retention: this.#retention,
    });
  }

  /**
   * Takes the next chunk of the segment, which begins at its first chunk and has no gaps. The piece's bytes must not be changed
   * afterwards. To be awaited before the next call.
   */
  async write({ offset, length, bytes }: DiskPiece): Promise<void> {
    this.#signal.throwIfAborted();
    const index = this.#next;
    this.#expect(index, offset, length);
    this.#next++;
    if (bytes === null || isZero(bytes)) {
      if (bytes !== null) this.#stats.readBytes += length;
      this.#stats.holeChunks++;
      this.#identical = this.#identical.filter((source) => source.isHole(index));
      return;
    }
    this.#stats.readBytes += length;
    const id = this.#bank.keys.chunkId(bytes);
    const location = this.#findAtPlace(index, id) ?? this.#findElsewhere(index, id);
    if (location !== undefined) {
      this.#stats.reusedChunks++;
      if (location !== 'encoding') this.#table.set(index, id, location);
      return;
    }
    this.#encode(index, id, bytes);
    if (this.#encoding.length > ENCODING_IN_FLIGHT) await this.#store();
  }

  /** Stores what is left and the segment's table. When it resolves, all that the receipt names is durable. */
  async finish(): Promise<SegmentReceipt> {
    const { disk, segment } = this.#target;
    if (this.#next !== this.#chunkCount) {
      throw new InvalidInput(
        `Segment ${segment} of disk ${disk} ended after ${this.#next} of ${this.#chunkCount} chunks.`,
      );
    }
    while (this.#encoding.length > 0) await this.#store();
    const ownPacks = await this.#packs.finish();
    const [same] = this.#identical;
    if (same !== undefined) return this.#receipt(same.ref, same.table, ownPacks);

    const table = this.#table.table();
    const nonHoleCount = table.nonHoleCount;
    const object = nonHoleCount === 0 ? null : await this.#putTable();
    const ref = { object, hash: table.hash(), chunkCount: this.#chunkCount, nonHoleCount };
    return this.#receipt(ref, table, ownPacks);
  }

  /** Stops what is under way and waits for its end. What was stored is garbage, which the collector removes. */
  async abandon(): Promise<void> {
    this.#aborted.abort();
    await this.#packs.abandon();
    await Promise.allSettled(this.#encoding.map(({ encoded }) => encoded));
  }

  #expect(index: number, offset: number, length: number): void {
    const { chunkSizeBytes, chunksPerSegment } = this.#geometry;
    const chunk = this.#target.segment * chunksPerSegment + index;
    if (
      index < this.#chunkCount &&
      offset === chunk * chunkSizeBytes &&
      length === chunkLength(this.#geometry, chunk)
    ) {
      return;
    }
    throw new InvalidInput(
      `Segment ${this.#target.segment} was given ${length} bytes at guest address ${offset} in place of its chunk ${index}.`,
    );
  }

  #findAtPlace(index: number, id: Buffer): ChunkLocation | undefined {
    this.#identical = this.#identical.filter((source) => source.find(index, id) !== undefined);
    for (const source of this.#sources) {
      const location = source.find(index, id);
      if (location !== undefined) return location;
    }
    return undefined;
  }

  /** Data that was moved within the segment, or that it holds more than once. */
  #findElsewhere(index: number, id: Buffer): ChunkLocation | 'encoding' | undefined {
    this.#known ??= knownChunks(this.#sources);
    const found = this.#known.get(id.toString('latin1'));
    if (found === undefined || !('indexes' in found)) return found;
    found.indexes.push(index);
    return 'encoding';
  }

  #encode(index: number, id: Buffer, bytes: Uint8Array): void {
    const encoded = encodeChunk(bytes);
    // Its failure is seen when its turn comes.
    encoded.catch(() => undefined);
    const chunk = { id, plainLength: bytes.length, encoded, indexes: [index] };
    this.#encoding.push(chunk);
    this.#known?.set(id.toString('latin1'), chunk);
    this.#stats.newChunks++;
    this.#stats.newBytes += bytes.length;
  }

  /** Puts the oldest chunk that is being encoded into a pack: packs keep the order of the disk, for long reads later. */
  async #store(): Promise<void> {
    const chunk = this.#encoding[0];
    if (chunk === undefined) return;
    const encoded = await chunk.encoded;
    const location = await this.#packs.append(chunk.id, chunk.plainLength, encoded);
    this.#encoding.shift();
    for (const index of chunk.indexes) this.#table.set(index, chunk.id, location);
    this.#known?.set(chunk.id.toString('latin1'), location);
    this.#stats.storedBytes += location.storedLength;
  }

  async #putTable(): Promise<ObjectRef> {
    const key = segmentKey(this.#attempt);
    const bytes = await wrap(this.#bank.keys, { kind: 'segment', key }, this.#table.encode());
    const options = { signal: this.#signal, retention: this.#retention };
    await this.#bank.places.bank.put(key, bytes, options);
    return { key, digest: digestOf(bytes), sizeBytes: bytes.length };
  }

  #receipt(ref: SegmentRef, table: SegmentTable, ownPacks: OwnPack[]): SegmentReceipt {
    const { disk, segment } = this.#target;
    const livePacks = [...table.liveness()].map(([key, live]) => ({ key, ...live }));
    const lockedUntil = this.#retention?.until.toISOString() ?? null;
    return { disk, segment, ref, ownPacks, lockedUntil, livePacks, stats: this.#stats };
  }
}

function knownChunks(sources: readonly SegmentSource[]): Map<string, ChunkLocation | NewChunk> {
  const known = new Map<string, ChunkLocation | NewChunk>();
  for (const source of sources) {
    for (const { id, location } of source.chunks()) {
      const name = id.toString('latin1');
      if (!known.has(name)) known.set(name, location);
    }
  }
  return known;
}
