import type { Bank } from '../bank.ts';
import { ObjectDamaged } from '../errors.ts';
import { wrap } from '../format/envelope.ts';
import { type ChunkLocation, MAX_PACK_BYTES, storedBytesOf } from '../format/pack-layout.ts';
import type { LivePack, OwnPack } from '../format/receipt.ts';
import type { SegmentRef } from '../format/root.ts';
import type { SegmentTable } from '../format/segment-table.ts';
import { SegmentTableBuilder } from '../format/segment-table-builder.ts';
import type { SlotContents } from '../format/slot.ts';
import { chunkLength } from '../geometry.ts';
import { newAttempt, type SegmentAttempt, segmentKey } from '../object-keys.ts';
import { digestOf } from '../object-ref.ts';
import { readReferredObject, readSegmentTable } from '../read/segments.ts';
import { PackUploads } from '../write/pack-uploads.ts';
import type { Place, PlaceReceipt, PlaceVersion } from './place.ts';
import { readSlots } from './read-slots.ts';

/** A pack of which more is needed is left as it is: planning knew no better than the most that one checkpoint uses. */
const MAX_USED_SHARE = 0.9;

export interface PlaceTask {
  readonly bank: Bank;
  readonly place: Place;
  /** The checkpoint by whose prefix everything is written. */
  readonly writesAs: string;
  /** Tables of all checkpoints that refer to the packs. */
  readonly versions: readonly PlaceVersion[];
  /** Packs to empty, with their sizes. */
  readonly packs: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
}

/**
 * Copies what is needed of some packs into new ones, each chunk once, in the order of the disk, and writes for every table that refers to
 * them one that refers to the copies. Every chunk is opened and proven on the way, and what was written is read back. A pack of which a
 * chunk cannot be had is left as it is. Memory is flat but for the slots' locations.
 */
export async function compactPlace(task: PlaceTask): Promise<PlaceReceipt> {
  const { place, versions } = task;
  const slots = await neededSlots(task);
  const { moved, packs, emptied } = await copySlots(task, slots);
  const receipt: PlaceReceipt = { ...place, tables: [], packs, emptied };
  for (const version of versions) {
    const table = await tableOf(task, version);
    const rewritten = await rewriteTable(task, version, table, moved);
    if (rewritten === undefined) continue;
    receipt.tables.push({
      before: version.ref.object?.key ?? '',
      ref: rewritten.ref,
      usedBefore: usedBy(table),
      used: usedBy(rewritten.table),
    });
  }
  return receipt;
}

function nameOf({ pack, slot }: ChunkLocation): string {
  return `${String(slot)} ${pack}`;
}

async function tableOf(
  { bank, place, signal }: PlaceTask,
  { ref }: Pick<PlaceVersion, 'ref'>,
): Promise<SegmentTable> {
  const segments: SegmentRef[] = [];
  segments[place.segment] = ref;
  return await readSegmentTable(bank, { disk: place.disk, segments }, place.segment, { signal });
}

/** Every slot of the packs that some table refers to, in the order of the disk. */
async function neededSlots(task: PlaceTask): Promise<SlotContents[]> {
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

interface Copied {
  /** New locations by the old ones' names. */
  readonly moved: ReadonlyMap<string, ChunkLocation>;
  readonly packs: OwnPack[];
  readonly emptied: string[];
}

async function copySlots(
  { bank, place, writesAs, signal }: PlaceTask,
  slots: readonly SlotContents[],
): Promise<Copied> {
  const attempt: SegmentAttempt = { checkpoint: writesAs, ...place, attempt: newAttempt() };
  const aborted = new AbortController();
  const options = {
    packSizeBytes: MAX_PACK_BYTES,
    signal: AbortSignal.any([signal, aborted.signal]),
    retention: undefined,
  };
  const uploads = new PackUploads(bank, attempt, options);
  const copies = new Map<string, { from: string; to: ChunkLocation }>();
  const faulty = new Set<string>();
  try {
    for await (const { slot, encoded } of readSlots(bank, slots, signal)) {
      const { pack } = slot.location;
      if (encoded === undefined) faulty.add(pack);
      if (encoded === undefined || faulty.has(pack)) continue;
      const to = await uploads.append(slot.id, slot.plainLength, encoded);
      copies.set(nameOf(slot.location), { from: pack, to });
    }
    const packs = await uploads.finish();
    for (const pack of packs) await readReferredObject(bank, pack, { signal });
    const whole = [...copies].filter(([, { from }]) => !faulty.has(from));
    const moved = new Map(whole.map(([name, { to }]) => [name, to]));
    return { moved, packs, emptied: [...new Set(whole.map(([, { from }]) => from))] };
  } catch (error) {
    aborted.abort();
    await uploads.abandon();
    throw error;
  }
}

/** Undefined where the table refers to nothing that was moved. */
async function rewriteTable(
  task: PlaceTask,
  { ref: before }: PlaceVersion,
  table: SegmentTable,
  moved: ReadonlyMap<string, ChunkLocation>,
): Promise<{ ref: SegmentRef; table: SegmentTable } | undefined> {
  const { bank, place, writesAs, signal } = task;
  const builder = new SegmentTableBuilder(place.disk, place.segment, table.chunkCount);
  let isChanged = false;
  for (let index = 0; index < table.chunkCount; index++) {
    const location = table.location(index);
    if (location === undefined) continue;
    const to = moved.get(nameOf(location));
    if (to !== undefined) isChanged = true;
    builder.set(index, table.id(index), to ?? location);
  }
  if (!isChanged) return undefined;
  const key = segmentKey({ checkpoint: writesAs, ...place, attempt: newAttempt() });
  const bytes = await wrap(bank.keys, { kind: 'segment', key }, builder.encode());
  await bank.places.bank.put(key, bytes, { signal });
  const object = { key, digest: digestOf(bytes), sizeBytes: bytes.length };
  const ref = { ...before, object };
  // Proves that what lies there now has the segment's old hash: the same chunks.
  const stored = await tableOf(task, { ref });
  if (stored.hash() !== before.hash) {
    throw new ObjectDamaged(`The segment ${key} is not the one that it replaces.`, {
      identifiers: { key },
    });
  }
  return { ref, table: stored };
}

function usedBy(table: SegmentTable): LivePack[] {
  return [...table.liveness()].map(([key, live]) => ({ key, ...live }));
}
