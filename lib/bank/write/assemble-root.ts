import type { Bank } from '../bank.ts';
import { CheckpointIncomplete } from '../errors.ts';
import { merkleRoot } from '../format/merkle.ts';
import type { OwnPack, SegmentReceipt } from '../format/receipt.ts';
import type { PackRef, Root, RootDisk, SegmentStats } from '../format/root.ts';
import { chunksOfSegment, type DiskGeometry, segmentCountOf } from '../geometry.ts';
import type { Pin } from '../register/record.ts';
import { FORMAT_VERSION } from '../format-version.ts';

/** A pinned checkpoint with its root. */
export interface PinnedRoot {
  readonly pin: Pin;
  readonly root: Root;
}

interface FinishedDisk {
  readonly disk: number;
  readonly guestSizeBytes: number;
  readonly format: RootDisk['format'];
  /** One of each segment, in any order. */
  readonly receipts: readonly SegmentReceipt[];
}

export type RootParts = Pick<
  Root,
  'checkpoint' | 'createdAt' | 'execution' | 'label' | 'identity' | 'lockedUntil' | 'description'
> & {
  readonly parent: PinnedRoot | null;
  readonly base: PinnedRoot | null;
  readonly disks: readonly FinishedDisk[];
};

/**
 * A checkpoint's root out of what its segments' writers handed over. Nothing is stored yet. Throws `CheckpointIncomplete` unless every
 * segment is there exactly once, and all that is referred to is this checkpoint's own or named by an ancestor's root.
 */
export function assembleRoot(bank: Bank, parts: RootParts): Root {
  const { checkpoint, parent, base } = parts;
  const { bankId, chunkSizeBytes, chunksPerSegment } = bank.info;
  const ancestors = [parent, base].flatMap((pinned) => (pinned === null ? [] : [pinned.root]));
  const segments = new Set(ancestors.flatMap(segmentDigests));
  const disks = parts.disks.map((disk) =>
    assembleDisk(checkpoint, disk, { chunkSizeBytes, chunksPerSegment }, segments),
  );
  const receipts = parts.disks.flatMap((disk) => disk.receipts);
  return {
    format: 'snapbank root',
    version: FORMAT_VERSION,
    bankId,
    checkpoint,
    createdAt: parts.createdAt,
    execution: parts.execution,
    label: parts.label,
    identity: parts.identity,
    parent: parent?.pin ?? null,
    base: base?.pin ?? null,
    chunkSizeBytes,
    chunksPerSegment,
    disks,
    packs: assemblePacks(checkpoint, receipts, ancestors),
    lockedUntil: parts.lockedUntil,
    stats: sumStats(receipts),
    description: parts.description,
  };
}

function assembleDisk(
  checkpoint: string,
  { disk, guestSizeBytes, format, receipts }: FinishedDisk,
  sizes: Pick<DiskGeometry, 'chunkSizeBytes' | 'chunksPerSegment'>,
  ancestorSegments: ReadonlySet<string>,
): RootDisk {
  const geometry = { guestSizeBytes, ...sizes };
  const incomplete = (why: string) =>
    new CheckpointIncomplete(`Disk ${disk} of checkpoint ${checkpoint} is not whole: ${why}.`, {
      identifiers: { checkpoint, disk },
    });
  const ascending = receipts.toSorted((one, other) => one.segment - other.segment);
  const count = segmentCountOf(geometry);
  for (const [segment, receipt] of ascending.entries()) {
    const { object, chunkCount, nonHoleCount } = receipt.ref;
    if (receipt.disk !== disk || receipt.segment !== segment) {
      throw incomplete(`segment ${segment} is missing or there twice`);
    }
    if (chunkCount !== chunksOfSegment(geometry, segment) || nonHoleCount > chunkCount) {
      throw incomplete(`segment ${segment} has ${chunkCount} chunks`);
    }
    if ((object === null) !== (nonHoleCount === 0)) {
      throw incomplete(`segment ${segment} has data and no table, or a table and no data`);
    }
    const own = object?.key.startsWith(`segments/${checkpoint}/`) ?? true;
    if (!own && !ancestorSegments.has(`${object?.key} ${object?.digest}`)) {
      throw incomplete(`segment ${segment} is ${object?.key}, which no ancestor has`);
    }
  }
  if (ascending.length !== count) {
    throw incomplete(`there are ${ascending.length} of ${count} segments`);
  }
  const segments = ascending.map(({ ref }) => ref);
  const hashes = segments.map(({ hash }) => hash);
  const root = merkleRoot(guestSizeBytes, sizes.chunkSizeBytes, hashes);
  return { disk, guestSizeBytes, format, merkleRoot: root, segments };
}

function assemblePacks(
  checkpoint: string,
  receipts: readonly SegmentReceipt[],
  ancestors: readonly Root[],
): PackRef[] {
  const known = new Map<string, OwnPack>();
  for (const { packs } of ancestors) for (const pack of packs) known.set(pack.key, pack);
  for (const { ownPacks } of receipts) for (const pack of ownPacks) known.set(pack.key, pack);

  const live = new Map<string, PackRef>();
  for (const { disk, segment, livePacks } of receipts) {
    for (const { key, chunks, bytes } of livePacks) {
      const pack = known.get(key);
      if (pack === undefined) {
        throw new CheckpointIncomplete(
          `Segment ${segment} of disk ${disk} of checkpoint ${checkpoint} refers to pack ${key}, which neither the checkpoint nor an ancestor has.`,
          { identifiers: { checkpoint, disk, segment, pack: key } },
        );
      }
      const { digest, sizeBytes, chunks: stored } = pack;
      const ref = live.get(key) ?? {
        key,
        digest,
        sizeBytes,
        chunks: stored,
        liveChunks: 0,
        liveBytes: 0,
      };
      ref.liveChunks += chunks;
      ref.liveBytes += bytes;
      live.set(key, ref);
    }
  }
  return [...live.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
}

function segmentDigests({ disks }: Root): string[] {
  return disks.flatMap(({ segments }) =>
    segments.flatMap(({ object }) => (object === null ? [] : [`${object.key} ${object.digest}`])),
  );
}

function sumStats(receipts: readonly SegmentReceipt[]): SegmentStats {
  const sum: SegmentStats = {
    readBytes: 0,
    holeChunks: 0,
    reusedChunks: 0,
    newChunks: 0,
    newBytes: 0,
    storedBytes: 0,
  };
  for (const { stats } of receipts) {
    for (const key of Object.keys(sum) as (keyof SegmentStats)[]) sum[key] += stats[key];
  }
  return sum;
}
