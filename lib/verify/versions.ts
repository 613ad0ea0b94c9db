import type { Bank } from '../bank/bank.ts';
import type { PackRef, RootDisk, SegmentRef } from '../bank/format/root.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { readSharedRoot } from '../bank/read/shared-roots.ts';
import type { VerifyGroup } from './plan.ts';

/** Roots read at once: one of a disk of 10 TB takes some 40 MB. */
const ROOTS_AT_ONCE = 2;

/** A segment as one or more successive checkpoints have it. */
export interface SegmentVersion {
  readonly ref: SegmentRef;
  readonly holders: Holder[];
}

/** A checkpoint that has a version of a segment. */
export interface Holder {
  readonly checkpoint: string;
  readonly rootKey: string;
  readonly disk: Omit<RootDisk, 'segments'>;
  /** Whether the checkpoint's root names the pack. */
  readonly names: (pack: string) => boolean;
}

/** Some segments of one disk of a server in all its versions, and the packs that they may lie in. Roots themselves are not kept. */
export class SegmentVersions {
  /** By segment; oldest first. */
  readonly #versions = new Map<number, Map<string, SegmentVersion>>();
  readonly #packs = new Map<string, { ref: PackRef; number: number }>();

  of(segment: number): SegmentVersion[] {
    return [...(this.#versions.get(segment)?.values() ?? [])];
  }

  pack(key: string): PackRef | undefined {
    return this.#packs.get(key)?.ref;
  }

  /** Notes which packs a root names, in one bit each. */
  addPacks(packs: readonly PackRef[]): (pack: string) => boolean {
    const numbers = packs.map((ref) => {
      const known = this.#packs.get(ref.key) ?? { ref, number: this.#packs.size };
      this.#packs.set(ref.key, known);
      return known.number;
    });
    const bits = new Uint8Array(Math.ceil(this.#packs.size / 8));
    for (const number of numbers) {
      bits[number >>> 3] = (bits[number >>> 3] ?? 0) | (1 << (number & 7));
    }
    return (pack) => {
      const number = this.#packs.get(pack)?.number ?? Number.MAX_SAFE_INTEGER;
      return ((bits[Math.floor(number / 8)] ?? 0) & (1 << (number & 7))) !== 0;
    };
  }

  add(segment: number, ref: SegmentRef, holder: Holder): void {
    const versions = this.#versions.get(segment) ?? new Map<string, SegmentVersion>();
    this.#versions.set(segment, versions);
    // All that is checked of a version stands in its key: equal ones need one look.
    const { guestSizeBytes } = holder.disk;
    const key = [ref.object?.key, ref.object?.digest, ref.hash, ref.nonHoleCount, guestSizeBytes];
    const known = versions.get(key.join(' '));
    if (known === undefined) versions.set(key.join(' '), { ref, holders: [holder] });
    else known.holders.push(holder);
  }
}

export async function readVersions(
  bank: Bank,
  { checkpoints }: Pick<VerifyGroup, 'checkpoints'>,
  { disk: number, segments }: { disk: number; segments: readonly number[] },
  signal: AbortSignal,
): Promise<SegmentVersions> {
  const versions = new SegmentVersions();
  const roots = mapInOrder(
    checkpoints.filter(({ readable }) => readable),
    ROOTS_AT_ONCE,
    async ({ root }) => ({ root: await readSharedRoot(bank, root, { signal }), rootKey: root.key }),
  );
  for await (const { root, rootKey } of roots) {
    const entry = root.disks.find(({ disk }) => disk === number);
    if (entry === undefined) continue;
    const { segments: refs, ...disk } = entry;
    const { checkpoint } = root;
    const holder = { checkpoint, rootKey, disk, names: versions.addPacks(root.packs) };
    for (const segment of segments) {
      const ref = refs[segment];
      if (ref !== undefined) versions.add(segment, ref, holder);
    }
  }
  return versions;
}
