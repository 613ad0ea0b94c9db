import type { Bank } from '../bank.ts';
import { type ChunkLocation, storedBytesOf } from '../format/pack-layout.ts';
import type { SegmentRef } from '../format/root.ts';
import type { SegmentTable } from '../format/segment-table.ts';
import type { SlotContents } from '../format/slot.ts';
import { chunkLength } from '../geometry.ts';
import { readSegmentTable } from '../read/segments.ts';
import type { Place, PlaceVersion } from './place.ts';

/** A pack of which more is needed is left as it is: planning knew no better than the most that one checkpoint uses. */
const MAX_USED_SHARE = 0.9;

export interface PlaceNeeds {
  readonly bank: Bank;
  readonly place: Place;
  /** Tables of all checkpoints that refer to the packs. */
  readonly versions: readonly PlaceVersion[];
  /** Packs to empty, with their sizes. */
  readonly packs: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
}

/** Tells the slots of all packs apart. */
export function nameOf({ pack, slot }: ChunkLocation): string {
  return `${String(slot)} ${pack}`;
}

/** The table of a version, proven against it. */
export async function tableOf(
  { bank, place, signal }: PlaceNeeds,
  { ref }: Pick<PlaceVersion, 'ref'>,
): Promise<SegmentTable> {
  const segments: SegmentRef[] = [];
  segments[place.segment] = ref;
  return await readSegmentTable(bank, { disk: place.disk, segments }, place.segment, { signal });
}

/** Every slot that some table refers to of those packs that are worth rewriting, in the order of the disk. */
export async function neededSlots(task: PlaceNeeds): Promise<SlotContents[]> {
  const { bank, place, versions, packs } = task;
  const { chunkSizeBytes, chunksPerSegment } = bank.info;
  const found = new Map<string, { index: number; slot: SlotContents }>();
  const used = new Map<string, { slots: number; bytes: number }>();
  for (const version of versions) {
    const table = await tableOf(task, version);
    const geometry = { guestSizeBytes: version.guestSizeBytes, chunkSizeBytes, chunksPerSegment };
    for (let index = 0; index < table.chunkCount; index++) {
      const location = table.location(index);
      if (location === undefined || !packs.has(location.pack)) continue;
      const name = nameOf(location);
      if (found.has(name)) continue;
      const plainLength = chunkLength(geometry, place.segment * chunksPerSegment + index);
      const id = Uint8Array.from(table.id(index));
      found.set(name, { index, slot: { location, id, plainLength } });
      const sum = used.get(location.pack) ?? { slots: 0, bytes: 0 };
      sum.slots += 1;
      sum.bytes += location.storedLength;
      used.set(location.pack, sum);
    }
  }
  const isWorthwhile = (pack: string) => {
    const { slots, bytes } = used.get(pack) ?? { slots: 0, bytes: 0 };
    return storedBytesOf(slots, bytes) <= MAX_USED_SHARE * (packs.get(pack) ?? 0);
  };
  return [...found.values()]
    .filter(({ slot }) => isWorthwhile(slot.location.pack))
    .sort((one, other) => one.index - other.index)
    .map(({ slot }) => slot);
}
