import { CorruptDisk } from '../errors.ts';
import { appendPlain, type Extent, type Inflate, type Stretch } from '../range/extent.ts';
import { viewOf } from './big-endian.ts';
import type { Qcow2Header } from './header.ts';
import { readClusterEntry, storedSubclusters, type ClusterEntry } from './l2-entry.ts';
import type { L2Group } from './l2-groups.ts';

const subclusters = 32;

/** Turns the entries of L2 tables into extents of the image file, each checked against its size. */
export class StretchReader {
  readonly #header: Qcow2Header;
  readonly #fileSizeBytes: number;
  readonly #inflate: Inflate;

  constructor(header: Qcow2Header, fileSizeBytes: number, inflate: Inflate) {
    this.#header = header;
    this.#fileSizeBytes = fileSizeBytes;
    this.#inflate = inflate;
  }

  /**
   * Stretches that cover what the group maps of `[start, end)`. Those with extents do not cross multiples of `unitBytes` (a power of
   * two, at least a cluster); a hole is one stretch, however long.
   */
  *read(
    { firstCluster, clusters, entries }: L2Group,
    start: number,
    end: number,
    unitBytes: number,
  ): Generator<Stretch, void, undefined> {
    const clusterSize = this.#header.clusterSizeBytes;
    const groupStart = firstCluster * clusterSize;
    const from = Math.max(start, groupStart);
    const to = Math.min(end, groupStart + clusters * clusterSize);
    let holeStart = from;
    if (entries !== null) {
      const view = viewOf(entries);
      for (let unit = from; unit < to; ) {
        const unitEnd = Math.min(to, (Math.floor(unit / unitBytes) + 1) * unitBytes);
        const extents: Extent[] = [];
        const firstOfUnit = Math.floor(unit / clusterSize);
        for (let cluster = firstOfUnit; cluster * clusterSize < unitEnd; cluster += 1) {
          const clip = {
            start: Math.max(unit, cluster * clusterSize),
            end: Math.min(unitEnd, (cluster + 1) * clusterSize),
          };
          this.#readCluster(view, cluster - firstCluster, cluster * clusterSize, clip, extents);
        }
        if (extents.length > 0) {
          if (holeStart < unit) yield { start: holeStart, end: unit, extents: [] };
          yield { start: unit, end: unitEnd, extents };
          holeStart = unitEnd;
        }
        unit = unitEnd;
      }
    }
    if (holeStart < to) yield { start: holeStart, end: to, extents: [] };
  }

  /** Appends what the image file holds of the cluster at guest address `at`, as far as it lies in `clip`. */
  #readCluster(view: DataView, index: number, at: number, clip: Clip, extents: Extent[]): void {
    const { extendedL2 } = this.#header;
    const byte = index * (extendedL2 ? 16 : 8);
    const entry = readClusterEntry(
      view.getUint32(byte),
      view.getUint32(byte + 4),
      this.#header,
      at,
    );
    if (entry.kind === 'compressed') {
      this.#appendCompressed(entry, at, clip, extents);
    } else if (extendedL2) {
      const zeros = view.getUint32(byte + 8);
      const allocated = view.getUint32(byte + 12);
      const stored = storedSubclusters(zeros, allocated, entry.kind === 'plain', at);
      if (entry.kind === 'plain') this.#appendSubclusters(stored, entry.host, at, clip, extents);
    } else if (entry.kind === 'plain') {
      this.#appendPlain(entry.host, at, clip.start, clip.end, extents);
    }
  }

  #appendSubclusters(
    stored: number,
    host: number,
    at: number,
    clip: Clip,
    extents: Extent[],
  ): void {
    const size = this.#header.clusterSizeBytes / subclusters;
    for (let index = 0; index < subclusters; index += 1) {
      if (((stored >>> index) & 1) === 0) continue;
      const start = Math.max(clip.start, at + index * size);
      const end = Math.min(clip.end, at + (index + 1) * size);
      if (start < end) this.#appendPlain(host, at, start, end, extents);
    }
  }

  #appendPlain(host: number, at: number, start: number, end: number, extents: Extent[]): void {
    const offset = host + (start - at);
    // Only what the disk needs must be there: a writer may end the file inside the last cluster.
    if (offset + (end - start) > this.#fileSizeBytes) {
      throw new CorruptDisk(`a cluster at byte ${host}, past the end of the file`, {
        guestAddress: at,
      });
    }
    appendPlain(extents, start, end - start, offset);
  }

  #appendCompressed(
    { host, hostLength }: ClusterEntry & { kind: 'compressed' },
    at: number,
    clip: Clip,
    extents: Extent[],
  ): void {
    if (host >= this.#fileSizeBytes) {
      throw new CorruptDisk(`a compressed cluster at byte ${host}, past the end of the file`, {
        guestAddress: at,
      });
    }
    extents.push({
      kind: 'compressed',
      guest: clip.start,
      length: clip.end - clip.start,
      host,
      // Its length is known to a sector only, and the file may end inside the last one.
      hostLength: Math.min(hostLength, this.#fileSizeBytes - host),
      skip: clip.start - at,
      inflate: this.#inflate,
    });
  }
}

interface Clip {
  start: number;
  end: number;
}
