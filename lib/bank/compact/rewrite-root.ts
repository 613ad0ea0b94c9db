import { CheckpointIncomplete } from '../errors.ts';
import type { OwnPack } from '../format/receipt.ts';
import type { PackRef, Root } from '../format/root.ts';
import { type PlaceReceipt, placeName } from './place.ts';

/** The root with the tables and packs of the rewritten places in the place of the old ones; the same where it has none of them. */
export function rewriteRoot(root: Root, receipts: readonly PlaceReceipt[]): Root {
  const byPlace = new Map(receipts.map((receipt) => [placeName(receipt), receipt]));
  const packs = new UsedPacks(root, receipts);
  let isChanged = false;
  const disks = root.disks.map((disk) => ({
    ...disk,
    segments: disk.segments.map((segment, number) => {
      const place = { disk: disk.disk, segment: number };
      const tables = byPlace.get(placeName(place))?.tables ?? [];
      const table = tables.find(({ before }) => before === segment.object?.key);
      if (table === undefined) return segment;
      isChanged = true;
      packs.exchange(table);
      return table.ref;
    }),
  }));
  return isChanged ? { ...root, disks, packs: packs.refs() } : root;
}

/** What a root uses of its packs, as its tables are exchanged. */
class UsedPacks {
  readonly #checkpoint: string;
  readonly #known = new Map<string, OwnPack>();
  readonly #used = new Map<string, { chunks: number; bytes: number }>();

  constructor({ checkpoint, packs }: Root, receipts: readonly PlaceReceipt[]) {
    this.#checkpoint = checkpoint;
    for (const { packs: written } of receipts) {
      for (const pack of written) this.#known.set(pack.key, pack);
    }
    for (const { key, digest, sizeBytes, chunks, liveChunks, liveBytes } of packs) {
      this.#known.set(key, { key, digest, sizeBytes, chunks });
      this.#used.set(key, { chunks: liveChunks, bytes: liveBytes });
    }
  }

  exchange({ usedBefore, used }: PlaceReceipt['tables'][number]): void {
    for (const { key, chunks, bytes } of usedBefore) this.#add(key, -chunks, -bytes);
    for (const { key, chunks, bytes } of used) this.#add(key, chunks, bytes);
  }

  refs(): PackRef[] {
    const refs: PackRef[] = [];
    for (const [key, { chunks, bytes }] of this.#used) {
      if (chunks === 0 && bytes === 0) continue;
      const pack = this.#known.get(key);
      if (pack === undefined || chunks < 0 || bytes < 0) {
        throw new CheckpointIncomplete(
          `The root of checkpoint ${this.#checkpoint} does not fit its tables: it uses ${String(chunks)} chunks of pack ${key}.`,
          { identifiers: { checkpoint: this.#checkpoint, pack: key } },
        );
      }
      refs.push({ ...pack, liveChunks: chunks, liveBytes: bytes });
    }
    return refs.sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  #add(key: string, chunks: number, bytes: number): void {
    const sum = this.#used.get(key) ?? { chunks: 0, bytes: 0 };
    this.#used.set(key, { chunks: sum.chunks + chunks, bytes: sum.bytes + bytes });
  }
}
