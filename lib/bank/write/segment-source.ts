import { type Log, silentLog } from '../../log.ts';
import type { Bank } from '../bank.ts';
import { ObjectDamaged } from '../errors.ts';
import type { ChunkLocation } from '../format/pack-layout.ts';
import type { Root, SegmentRef } from '../format/root.ts';
import type { SegmentTable } from '../format/segment-table.ts';
import { readSegmentTable } from '../read/segments.ts';
import { ObjectNotFound } from '../store/errors.ts';

/** A segment of an ancestor: what is stored already, at the same place of the disk. */
export class SegmentSource {
  readonly ref: SegmentRef;
  readonly table: SegmentTable;
  readonly #damagedPacks: ReadonlySet<string>;

  constructor(ref: SegmentRef, table: SegmentTable, damagedPacks: ReadonlySet<string> = new Set()) {
    this.ref = ref;
    this.table = table;
    this.#damagedPacks = damagedPacks;
  }

  /** Where the chunk with this id lies, if it is the one at this place and nothing is known against its pack. */
  find(index: number, id: Uint8Array): ChunkLocation | undefined {
    if (index >= this.table.chunkCount || !this.table.holds(index, id)) return undefined;
    return this.#usable(index);
  }

  isHole(index: number): boolean {
    return index < this.table.chunkCount && this.table.isHole(index);
  }

  /** All chunks that may be referred to, wherever they lie in the segment. */
  *chunks(): Iterable<{ id: Buffer; location: ChunkLocation }> {
    for (let index = 0; index < this.table.chunkCount; index++) {
      const location = this.#usable(index);
      if (location !== undefined) yield { id: this.table.id(index), location };
    }
  }

  #usable(index: number): ChunkLocation | undefined {
    const location = this.table.location(index);
    return location === undefined || this.#damagedPacks.has(location.pack) ? undefined : location;
  }
}

export interface SegmentSourceOptions {
  /** Packs that verification found damaged or missing: what they hold counts as not stored. */
  readonly damagedPacks?: ReadonlySet<string>;
  readonly log?: Log;
  readonly signal?: AbortSignal;
}

/**
 * The segment as the ancestors have it, in their order: parent first, then base. An ancestor's table that is missing or damaged is
 * left out with a warning: the segment is then stored anew, and the next backup has a sound ancestor.
 */
export async function readSegmentSources(
  bank: Bank,
  ancestors: readonly Root[],
  { disk, segment }: { disk: number; segment: number },
  { damagedPacks, log = silentLog, signal }: SegmentSourceOptions = {},
): Promise<SegmentSource[]> {
  const sources: SegmentSource[] = [];
  for (const ancestor of ancestors) {
    const entry = ancestor.disks.find((one) => one.disk === disk);
    const ref = entry?.segments[segment];
    if (entry === undefined || ref === undefined) continue;
    try {
      const table = await readSegmentTable(bank, entry, segment, signal && { signal });
      sources.push(new SegmentSource(ref, table, damagedPacks));
    } catch (error) {
      if (!(error instanceof ObjectDamaged || error instanceof ObjectNotFound)) throw error;
      log.warn('A segment of an ancestor cannot be read; this segment is stored anew.', {
        ancestor: ancestor.checkpoint,
        disk,
        segment,
        reason: error.message,
      });
    }
  }
  return sources;
}
