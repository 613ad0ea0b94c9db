import type { KeyObject } from 'node:crypto';
import type { ChunkMap } from '../../disk/disk.ts';
import { joinRuns, type Run } from '../../disk/range/join-runs.ts';
import { createLimit, type Limit } from '../../disk/range/limit.ts';
import { settleAll } from '../../disk/range/settle-all.ts';
import type { Bank } from '../bank.ts';
import { ChunkDamaged, ObjectDamaged, PackMissing } from '../errors.ts';
import type { Root, RootDisk } from '../format/root.ts';
import type { SegmentTable } from '../format/segment-table.ts';
import { openSlot, type SlotContents } from '../format/slot.ts';
import { chunkCountOf, chunkLength, type DiskGeometry } from '../geometry.ts';
import { requireReader } from '../open-bank.ts';
import { ObjectNotFound, RangeOutsideObject } from '../store/errors.ts';
import { LruCache, loadOnce } from './lru-cache.ts';
import { PackKeys } from './pack-keys.ts';
import { readSegmentTable } from './segments.ts';

const MIB = 2 ** 20;
/** Neighbouring slots are one read: a request costs as much time as some hundred KiB. */
const JOIN = { runBytes: 8 * MIB, gapBytes: MIB / 4, wasteRatio: 0.5 };
/** Segment tables kept, 200 KiB each for segments of 1 GiB. */
const TABLES_KEPT = 8;

export interface ChunkReaderOptions {
  /** Reads of packs under way at once. Default 8. */
  readonly getsInFlight?: number;
  /** Plain bytes kept of what was read last. Default 16 MiB. */
  readonly cacheBytes?: number;
}

/** Why a chunk cannot be had. */
export type ChunkFault = ChunkDamaged | PackMissing;

/** A chunk's plain bytes, proven by its id; null for a hole; or what is wrong with it. The bytes must not be changed. */
export type ChunkOutcome = Uint8Array | null | ChunkFault;

interface WantedChunk extends SlotContents {
  readonly chunk: number;
  /** Of the slot in its pack. */
  readonly offset: number;
  readonly length: number;
}

/** Reads the chunks of one disk of a checkpoint. Memory is flat: a few tables, a bounded cache and the reads under way. */
export class ChunkReader {
  readonly geometry: DiskGeometry;
  readonly chunkCount: number;
  /** Which chunks hold data; what image files are laid out by. */
  readonly map: ChunkMap;
  readonly #bank: Bank;
  readonly #checkpoint: string;
  readonly #disk: RootDisk;
  readonly #limit: Limit;
  readonly #packKeys: PackKeys;
  readonly #tables = new LruCache<number, Promise<SegmentTable>>(TABLES_KEPT);
  readonly #cache: LruCache<number, Uint8Array>;

  /** Throws `KeyMissing` when the bank was opened with a credential that may only write. */
  constructor(
    bank: Bank,
    { checkpoint }: Pick<Root, 'checkpoint'>,
    disk: RootDisk,
    { getsInFlight = 8, cacheBytes = 16 * MIB }: ChunkReaderOptions = {},
  ) {
    requireReader(bank);
    const { chunkSizeBytes, chunksPerSegment } = bank.info;
    this.geometry = { guestSizeBytes: disk.guestSizeBytes, chunkSizeBytes, chunksPerSegment };
    this.chunkCount = chunkCountOf(this.geometry);
    this.map = {
      ...this.geometry,
      nonHoleCount: (segment) => disk.segments[segment]?.nonHoleCount ?? 0,
      bitmap: async (segment) => (await this.table(segment)).bitmap(),
    };
    this.#bank = bank;
    this.#checkpoint = checkpoint;
    this.#disk = disk;
    this.#limit = createLimit(getsInFlight);
    this.#packKeys = new PackKeys(bank, this.#limit);
    this.#cache = new LruCache(cacheBytes);
  }

  /** A segment's table, proven against the root. Throws `ObjectNotFound` or `ObjectDamaged`. */
  async table(segment: number): Promise<SegmentTable> {
    return loadOnce(this.#tables, segment, () => readSegmentTable(this.#bank, this.#disk, segment));
  }

  /** One chunk's plain bytes, null for a hole. Throws `ChunkDamaged` or `PackMissing`. */
  async readChunk(chunk: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    const outcome = (await this.read([chunk], signal)).get(chunk) ?? null;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /**
   * Chunks by number, in any order. Slots that lie near each other in a pack are read at once. A chunk that cannot be had is an
   * outcome, so that the others are; only what says nothing about the chunks is thrown. Holds all that it returns: to be called with
   * some MiB at a time.
   */
  async read(
    chunks: Iterable<number>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, ChunkOutcome>> {
    const outcomes = new Map<number, ChunkOutcome>();
    const byPack = new Map<string, WantedChunk[]>();
    for (const chunk of new Set(chunks)) {
      const kept = this.#cache.get(chunk);
      const wanted = kept === undefined ? await this.#locate(chunk) : undefined;
      outcomes.set(chunk, kept ?? null);
      if (wanted === undefined) continue;
      const { pack } = wanted.location;
      const neighbours = byPack.get(pack);
      if (neighbours === undefined) byPack.set(pack, [wanted]);
      else neighbours.push(wanted);
    }
    const runs = [...byPack].flatMap(([pack, wanted]) =>
      joinRuns(wanted, JOIN).map((run) => this.#readRun(pack, run, outcomes, signal)),
    );
    await settleAll(runs);
    return outcomes;
  }

  async #locate(chunk: number): Promise<WantedChunk | undefined> {
    const { chunksPerSegment } = this.geometry;
    if (!(chunk >= 0 && chunk < this.chunkCount)) {
      throw new RangeError(`Disk ${this.#disk.disk} has no chunk ${chunk}.`);
    }
    const table = await this.table(Math.floor(chunk / chunksPerSegment));
    const index = chunk % chunksPerSegment;
    const location = table.location(index);
    if (location === undefined) return undefined;
    const { offset, storedLength: length } = location;
    const plainLength = chunkLength(this.geometry, chunk);
    return { chunk, location, id: table.id(index), plainLength, offset, length };
  }

  async #readRun(
    pack: string,
    run: Run<WantedChunk>,
    outcomes: Map<number, ChunkOutcome>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const range = { offset: run.offset, length: run.length };
    const reads = [
      this.#packKeys.of(pack),
      this.#limit(() =>
        this.#bank.places.bank.get(pack, signal === undefined ? { range } : { range, signal }),
      ),
    ] as const;
    try {
      await Promise.allSettled(reads);
      const [packKey, stored] = await Promise.all(reads);
      await settleAll(
        run.ranges.map(async (wanted) => {
          outcomes.set(wanted.chunk, await this.#open(wanted, packKey, run, stored));
        }),
      );
    } catch (error) {
      if (error instanceof RangeOutsideObject && run.ranges.length > 1) {
        // The pack was cut; the slots before the cut are whole.
        const alone = run.ranges.map(({ offset, length }, n) => ({
          offset,
          length,
          ranges: run.ranges.slice(n, n + 1),
        }));
        await settleAll(alone.map((one) => this.#readRun(pack, one, outcomes, signal)));
        return;
      }
      for (const wanted of run.ranges) outcomes.set(wanted.chunk, this.#fault(wanted, error));
    }
  }

  async #open(
    wanted: WantedChunk,
    packKey: KeyObject | undefined,
    run: Run<WantedChunk>,
    stored: Uint8Array,
  ): Promise<ChunkOutcome> {
    const start = wanted.offset - run.offset;
    const slot = stored.subarray(start, start + wanted.length);
    try {
      const plain = await openSlot(this.#bank.keys, packKey, wanted, slot);
      this.#cache.set(wanted.chunk, detached(plain), plain.length);
      return plain;
    } catch (error) {
      return this.#damaged(wanted, error);
    }
  }

  /** What a failed read says about the chunk; rethrows what says nothing about it, such as a store that does not answer. */
  #fault(wanted: WantedChunk, cause: unknown): ChunkFault {
    if (cause instanceof ObjectNotFound) {
      const { pack } = wanted.location;
      return new PackMissing(`${this.#at(wanted)}: pack ${pack} is not in the bank.`, {
        cause,
        identifiers: this.#identifiers(wanted),
      });
    }
    if (cause instanceof ObjectDamaged || cause instanceof RangeOutsideObject) {
      return this.#damaged(wanted, cause);
    }
    throw cause;
  }

  #damaged(wanted: WantedChunk, cause: unknown): ChunkDamaged {
    const { pack, slot } = wanted.location;
    return new ChunkDamaged(
      `${this.#at(wanted)}: slot ${slot} of pack ${pack} is not what was written.`,
      { cause, identifiers: this.#identifiers(wanted) },
    );
  }

  #at(wanted: WantedChunk): string {
    const { checkpoint, disk, guestAddress } = this.#identifiers(wanted);
    return `Guest address ${guestAddress} of disk ${disk} of checkpoint ${checkpoint} cannot be read`;
  }

  #identifiers({ chunk, location: { pack, slot } }: WantedChunk) {
    const guestAddress = chunk * this.geometry.chunkSizeBytes;
    return { checkpoint: this.#checkpoint, disk: this.#disk.disk, guestAddress, pack, slot };
  }
}

/** The bytes without what they were read together with: raw chunks of an unsealed bank are views of a whole run. */
function detached(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length ? new Uint8Array(bytes) : bytes;
}
