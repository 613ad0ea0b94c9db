import type { Bank } from '../../lib/bank/bank.ts';
import { storedBytesOf } from '../../lib/bank/format/pack-layout.ts';
import { readSegmentTable } from '../../lib/bank/read/segments.ts';
import type { RootReference } from '../../lib/bank/register/record.ts';
import { readRoot } from '../../lib/bank/roots.ts';

/** What all checkpoints together need of packs, slot by slot: what the collector, which sees roots only, can only estimate. */
export class PackLiveness {
  readonly #bank: Bank;
  readonly #sizes = new Map<string, number>();
  readonly #slots = new Map<string, Map<number, number>>();

  constructor(bank: Bank) {
    this.#bank = bank;
  }

  async add(reference: RootReference): Promise<void> {
    const root = await readRoot(this.#bank, reference);
    for (const { key, sizeBytes } of root.packs) this.#sizes.set(key, sizeBytes);
    for (const disk of root.disks) {
      for (let segment = 0; segment < disk.segments.length; segment++) {
        const table = await readSegmentTable(this.#bank, disk, segment);
        for (let index = 0; index < table.chunkCount; index++) {
          const location = table.location(index);
          if (location === undefined) continue;
          const slots = this.#slots.get(location.pack) ?? new Map<number, number>();
          this.#slots.set(location.pack, slots.set(location.slot, location.storedLength));
        }
      }
    }
  }

  wasteShare(): number {
    let stored = 0;
    let used = 0;
    for (const [key, sizeBytes] of this.#sizes) {
      const slots = [...(this.#slots.get(key)?.values() ?? [])];
      const bytes = slots.reduce((sum, length) => sum + length, 0);
      stored += sizeBytes;
      used += Math.min(sizeBytes, storedBytesOf(slots.length, bytes));
    }
    return stored === 0 ? 0 : 1 - used / stored;
  }
}
