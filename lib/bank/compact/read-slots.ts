import type { KeyObject } from 'node:crypto';
import { joinRuns } from '../../disk/range/join-runs.ts';
import { createLimit } from '../../disk/range/limit.ts';
import { orderedMap } from '../../disk/range/ordered-map.ts';
import { settleAll } from '../../disk/range/settle-all.ts';
import type { Bank } from '../bank.ts';
import { ObjectDamaged } from '../errors.ts';
import type { EncodedChunk } from '../format/chunk.ts';
import { proveSlot, type SlotContents } from '../format/slot.ts';
import { PackKeys } from '../read/pack-keys.ts';
import { ObjectNotFound, RangeOutsideObject } from '../store/errors.ts';

const MIB = 2 ** 20;
const JOIN = { runBytes: 8 * MIB, gapBytes: MIB / 4, wasteRatio: 0.5 };
const BATCH_BYTES = 8 * MIB;
const BATCHES_AHEAD = 2;
const GETS_IN_FLIGHT = 8;

/** A slot's chunk as it is encoded, proven; undefined where it cannot be had. */
export interface ReadSlot {
  readonly slot: SlotContents;
  readonly encoded: EncodedChunk | undefined;
}

/** Reads slots of packs in the order that they are given in, some MiB at a time. Throws only what says nothing about a pack. */
export async function* readSlots(
  bank: Bank,
  slots: readonly SlotContents[],
  signal: AbortSignal,
): AsyncGenerator<ReadSlot, void, undefined> {
  const limit = createLimit(GETS_IN_FLIGHT);
  const packKeys = new PackKeys(bank, limit);
  const batches = orderedMap(
    () => batchesOf(slots),
    async (batch, inner) => {
      const found = new Map<SlotContents, EncodedChunk>();
      const byPack = Map.groupBy(batch, ({ location }) => location.pack);
      const reads = [...byPack].flatMap(([pack, wanted]) =>
        joinRuns(wanted.map(withRange), JOIN).map(async (run) => {
          const range = { offset: run.offset, length: run.length };
          try {
            const [packKey, stored] = await Promise.all([
              packKeys.of(pack),
              limit(() => bank.places.bank.get(pack, { range, signal: inner })),
            ]);
            for (const { slot, offset, length } of run.ranges) {
              const start = offset - run.offset;
              const bytes = stored.subarray(start, start + length);
              const encoded = await encodedOf(bank, packKey, slot, bytes);
              if (encoded !== undefined) found.set(slot, encoded);
            }
          } catch (error) {
            const isFault =
              error instanceof ObjectNotFound ||
              error instanceof RangeOutsideObject ||
              error instanceof ObjectDamaged;
            if (!isFault) throw error;
          }
        }),
      );
      await settleAll(reads);
      return batch.map((slot) => ({ slot, encoded: found.get(slot) }));
    },
    { ahead: BATCHES_AHEAD, signal },
  );
  for await (const batch of batches) yield* batch;
}

function withRange(slot: SlotContents) {
  return { slot, offset: slot.location.offset, length: slot.location.storedLength };
}

async function encodedOf(
  bank: Bank,
  packKey: KeyObject | undefined,
  slot: SlotContents,
  bytes: Uint8Array,
): Promise<EncodedChunk | undefined> {
  try {
    return (await proveSlot(bank.keys, packKey, slot, bytes)).encoded;
  } catch {
    // Whatever it is that does not open or decode: verification says more of it.
    return undefined;
  }
}

async function* batchesOf(
  slots: readonly SlotContents[],
): AsyncGenerator<SlotContents[], void, undefined> {
  let batch: SlotContents[] = [];
  let bytes = 0;
  for (const slot of slots) {
    batch.push(slot);
    bytes += slot.location.storedLength;
    if (bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
