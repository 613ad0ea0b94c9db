import { ObjectDamaged } from '../errors.ts';
import { wrap } from '../format/envelope.ts';
import { type ChunkLocation, MAX_PACK_BYTES } from '../format/pack-layout.ts';
import type { LivePack, OwnPack } from '../format/receipt.ts';
import type { SegmentRef } from '../format/root.ts';
import type { SegmentTable } from '../format/segment-table.ts';
import { SegmentTableBuilder } from '../format/segment-table-builder.ts';
import type { SlotContents } from '../format/slot.ts';
import { newAttempt, type SegmentAttempt, segmentKey } from '../object-keys.ts';
import { digestOf } from '../object-ref.ts';
import { readReferredObject } from '../read/segments.ts';
import { PackUploads } from '../write/pack-uploads.ts';
import { nameOf, neededSlots, type PlaceNeeds, tableOf } from './needed-slots.ts';
import type { PlaceReceipt, PlaceVersion } from './place.ts';
import { readSlots } from './read-slots.ts';

export interface PlaceTask extends PlaceNeeds {
  /** The checkpoint by whose prefix everything is written. */
  readonly writesAs: string;
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
