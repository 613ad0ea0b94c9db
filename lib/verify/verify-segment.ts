import type { Bank } from '../bank/bank.ts';
import { ObjectDamaged } from '../bank/errors.ts';
import type { RootDisk } from '../bank/format/root.ts';
import type { ChunkLocation } from '../bank/format/pack-layout.ts';
import type { SegmentTable } from '../bank/format/segment-table.ts';
import { ChunkReader } from '../bank/read/chunk-reader.ts';
import { readSegmentTable } from '../bank/read/segments.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import { orderedMap } from '../disk/range/ordered-map.ts';
import { type AddressRange, type Finding, rangesOfChunks, type SegmentReport } from './finding.ts';
import { findPackFault, isWhole } from './pack-check.ts';
import type { VerifyLevel } from './request.ts';
import type { Holder, SegmentVersion, SegmentVersions } from './versions.ts';

/** Plain bytes of the chunks that are read together, and how many such reads are prepared. */
const BATCH_BYTES = 8 * 2 ** 20;
const BATCHES_AHEAD = 4;

/** What is wrong with what a chunk needs. */
type Fault = Pick<Finding, 'error' | 'message'>;

export interface SegmentTask {
  readonly bank: Bank;
  readonly level: VerifyLevel;
  readonly disk: number;
  readonly segment: number;
  readonly versions: SegmentVersions;
  /** Objects that an earlier verification marked. */
  readonly marks: ReadonlySet<string>;
  readonly advance: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Looks at one segment in all its versions. What several versions have in common is read once. */
export async function verifySegment(task: SegmentTask): Promise<SegmentReport> {
  return await new SegmentCheck(task).run();
}

class SegmentCheck {
  readonly #task: SegmentTask;
  readonly #findings: Finding[] = [];
  readonly #cleared = new Set<string>();
  readonly #packs = new Map<string, Fault | null>();
  /** Chunks that were read, each by all that a table says of it. */
  readonly #chunks = new Map<string, Fault | null>();
  #bytesRead = 0;

  constructor(task: SegmentTask) {
    this.#task = task;
  }

  async run(): Promise<SegmentReport> {
    const { bank, disk, segment, versions, advance, signal } = this.#task;
    for (const version of versions.of(segment)) {
      signal.throwIfAborted();
      const table = await this.#tableOf(version);
      if (table !== undefined) await this.#checkTable(version, table);
      advance(version.ref.chunkCount * bank.info.chunkSizeBytes * version.holders.length);
    }
    await this.#clearMarks();
    return {
      disk,
      segment,
      packsChecked: this.#packs.size,
      chunksRead: this.#chunks.size,
      bytesRead: this.#bytesRead,
      findings: this.#findings,
      cleared: [...this.#cleared],
    };
  }

  /** Proven against the root: digest, leaf of the Merkle tree, counts. Undefined, with a finding, where it cannot be had. */
  async #tableOf(version: SegmentVersion): Promise<SegmentTable | undefined> {
    const { bank, disk, segment, marks, signal } = this.#task;
    const key = version.ref.object?.key;
    const entry = { disk, segments: at(segment, version.ref) };
    try {
      const table = await readSegmentTable(bank, entry, segment, { signal });
      if (key !== undefined && marks.has(key)) this.#cleared.add(key);
      return table;
    } catch (error) {
      if (!(error instanceof ObjectDamaged || error instanceof ObjectNotFound)) throw error;
      const everything = Array.from({ length: version.ref.chunkCount }, (_, index) => index);
      this.#report(version, key ?? '', error, this.#ranges(version, everything));
      return undefined;
    }
  }

  async #checkTable(version: SegmentVersion, table: SegmentTable): Promise<void> {
    this.#checkNames(version, table);
    if (this.#task.level === 'records') return;
    await this.#checkPacks(table);
    if (this.#task.level === 'data') await this.#readChunks(version, table);
    this.#reportFaults(version, table);
  }

  /** Every root that has this segment must name its packs, or the collector would delete them. */
  #checkNames({ holders, ref }: SegmentVersion, table: SegmentTable): void {
    for (const pack of table.packs) {
      for (const holder of holders.filter(({ names }) => !names(pack))) {
        const version = { ref, holders: [holder] };
        const message = `The root ${holder.rootKey} does not name pack ${pack}, which a segment of it refers to.`;
        const fault = { name: 'ObjectDamaged', message };
        this.#report(version, holder.rootKey, fault, this.#ranges(version, inPack(table, pack)));
      }
    }
  }

  async #checkPacks(table: SegmentTable): Promise<void> {
    const { bank, level, versions, signal } = this.#task;
    for (const pack of table.packs) {
      const ref = versions.pack(pack);
      if (ref === undefined || this.#packs.has(pack)) continue;
      this.#packs.set(pack, (await findPackFault(bank, ref, level, signal)) ?? null);
    }
  }

  /** Reads, opens and proves every chunk that no earlier version had. */
  async #readChunks({ ref, holders }: SegmentVersion, table: SegmentTable): Promise<void> {
    const { bank, segment, signal } = this.#task;
    const [holder] = holders;
    if (holder === undefined) return;
    const disk: RootDisk = { ...holder.disk, segments: at(segment, ref) };
    const reader = new ChunkReader(bank, holder, disk, { cacheBytes: 0 });
    const wanted = this.#unread(table);
    const first = segment * bank.info.chunksPerSegment;
    const batches = orderedMap(
      () => batchesOf([...wanted.keys()], Math.max(1, BATCH_BYTES / bank.info.chunkSizeBytes)),
      async (indexes, inner) =>
        await reader.read(
          indexes.map((index) => first + index),
          inner,
        ),
      { ahead: BATCHES_AHEAD, signal },
    );
    for await (const outcomes of batches) {
      for (const [chunk, outcome] of outcomes) {
        const name = wanted.get(chunk - first);
        if (name === undefined) continue;
        if (outcome instanceof Error) {
          this.#chunks.set(name, { error: outcome.name, message: outcome.message });
        } else {
          this.#chunks.set(name, null);
          this.#bytesRead += outcome?.length ?? 0;
        }
      }
    }
  }

  /** Indexes of the chunks that are still to be read, with their names; those of packs that are not there are not tried. */
  #unread(table: SegmentTable): Map<number, string> {
    const wanted = new Map<number, string>();
    for (let index = 0; index < table.chunkCount; index++) {
      const location = table.location(index);
      if (location === undefined || (this.#packs.get(location.pack) ?? null) !== null) continue;
      const name = nameOf(location, table.id(index));
      if (!this.#chunks.has(name)) wanted.set(index, name);
    }
    return wanted;
  }

  /** One finding for each pack of which this version cannot have what it needs. */
  #reportFaults(version: SegmentVersion, table: SegmentTable): void {
    const hurt = new Map<string, { fault: Fault; indexes: number[] }>();
    for (let index = 0; index < table.chunkCount; index++) {
      const location = table.location(index);
      if (location === undefined) continue;
      const { pack } = location;
      const fault = this.#packs.get(pack) ?? this.#chunks.get(nameOf(location, table.id(index)));
      if (fault === undefined || fault === null) continue;
      const known = hurt.get(pack);
      if (known === undefined) hurt.set(pack, { fault, indexes: [index] });
      else known.indexes.push(index);
    }
    for (const [pack, { fault, indexes }] of hurt) {
      const { error: name, message } = fault;
      this.#report(version, pack, { name, message }, this.#ranges(version, indexes));
    }
  }

  /** A marked pack counts as sound again only when every byte of it is as it was written. */
  async #clearMarks(): Promise<void> {
    const { bank, level, marks, versions, signal } = this.#task;
    if (level !== 'data') return;
    for (const [pack, fault] of this.#packs) {
      const ref = versions.pack(pack);
      if (fault !== null || ref === undefined || !marks.has(pack)) continue;
      if (await isWhole(bank, ref, signal)) this.#cleared.add(pack);
    }
  }

  #report(
    { holders }: SegmentVersion,
    object: string,
    { name, message }: { name: string; message: string },
    ranges: AddressRange[],
  ): void {
    const checkpoints = holders.map(({ checkpoint }: Holder) => checkpoint);
    const { disk } = this.#task;
    this.#findings.push({ checkpoints, disk, object, error: name, message, ranges });
  }

  #ranges({ holders }: SegmentVersion, indexes: Iterable<number>): AddressRange[] {
    const { bank, segment } = this.#task;
    const { chunkSizeBytes, chunksPerSegment } = bank.info;
    const guestSizeBytes = holders[0]?.disk.guestSizeBytes ?? 0;
    const chunks = [...indexes].map((index) => segment * chunksPerSegment + index);
    return rangesOfChunks(chunks, { chunkSizeBytes, guestSizeBytes });
  }
}

/** The segments of a disk of which only one is asked for. */
function at<T>(segment: number, ref: T): T[] {
  const segments: T[] = [];
  segments[segment] = ref;
  return segments;
}

function nameOf(location: ChunkLocation, id: Buffer): string {
  const { pack, slot, offset, storedLength, encoding } = location;
  return `${pack} ${slot} ${offset} ${storedLength} ${encoding} ${id.toString('base64')}`;
}

function* inPack(table: SegmentTable, pack: string): Generator<number> {
  for (let index = 0; index < table.chunkCount; index++) {
    if (table.location(index)?.pack === pack) yield index;
  }
}

async function* batchesOf(
  indexes: readonly number[],
  size: number,
): AsyncGenerator<readonly number[], void, undefined> {
  for (let at = 0; at < indexes.length; at += size) yield indexes.slice(at, at + size);
}
