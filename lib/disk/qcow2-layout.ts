import type { ChunkMap, FileExtent, ImageFileLayout } from './disk.ts';
import { ChunkRanks } from './layout/chunk-ranks.ts';
import { checkFileRange } from './layout/file-range.ts';
import { qcow2Geometry, type Qcow2Geometry } from './layout/qcow2-geometry.ts';
import {
  headerCluster,
  l1Cluster,
  l2Cluster,
  refcountBlockCluster,
  refcountTableCluster,
} from './layout/qcow2-metadata.ts';

/** Parts of a file are asked for in order, and tables come in a row: two are enough for parts that are cut in the middle of one. */
const cachedTables = 2;

/**
 * A flat qcow2 file (version 3, cluster = chunk): header, refcounts, L1 table, L2 tables, then the chunks that are not holes in guest
 * order. Its size is known from the counts of the map. Holds two L2 tables and a few bitmaps, whatever the size of the disk.
 *
 * qcow2 disks are multiples of 512 bytes: another size is rounded up, and the bytes added read as zeros. A disk of such a size comes
 * back longer than it was; only as raw does it come back exactly.
 *
 * Throws InvalidInput for chunks that are no power of two from 512 bytes to 2 MiB and for disks beyond QEMU's table limits; the extents
 * throw InconsistentChunkMap.
 */
export function qcow2Layout(map: ChunkMap): ImageFileLayout {
  const ranks = new ChunkRanks(map);
  const geometry = qcow2Geometry(map, ranks);
  const writer = new Qcow2Extents(geometry, ranks);
  const fileSizeBytes = geometry.clusters * geometry.clusterSizeBytes;
  return {
    fileSizeBytes,
    extents(offset, length, signal) {
      checkFileRange(offset, length, fileSizeBytes);
      return writer.extents(offset, length, signal);
    },
  };
}

class Qcow2Extents {
  readonly #geometry: Qcow2Geometry;
  readonly #ranks: ChunkRanks;
  readonly #tables = new Map<number, Uint8Array>();

  constructor(geometry: Qcow2Geometry, ranks: ChunkRanks) {
    this.#geometry = geometry;
    this.#ranks = ranks;
  }

  async *extents(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<FileExtent> {
    const { clusterSizeBytes, dataStart } = this.#geometry;
    const end = offset + length;
    const dataOffset = dataStart * clusterSizeBytes;
    let done = offset;
    while (done < Math.min(end, dataOffset)) {
      const cluster = Math.floor(done / clusterSizeBytes);
      const clusterOffset = cluster * clusterSizeBytes;
      const bytes = (await this.#metadata(cluster, signal)).subarray(
        done - clusterOffset,
        end - clusterOffset,
      );
      yield { kind: 'bytes', bytes };
      done += bytes.length;
    }
    if (done === end) return;
    const firstRank = Math.floor(done / clusterSizeBytes) - dataStart;
    const endRank = Math.ceil(end / clusterSizeBytes) - dataStart;
    for await (const { chunk, rank } of this.#ranks.inRanks(firstRank, endRank, signal)) {
      const clusterOffset = (dataStart + rank) * clusterSizeBytes;
      const start = done - clusterOffset;
      const part = Math.min(clusterSizeBytes, end - clusterOffset) - start;
      yield { kind: 'chunk', chunk, start, length: part };
      done += part;
    }
  }

  async #metadata(cluster: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const geometry = this.#geometry;
    const { refcountTableStart, refcountBlocksStart, l1Start, l2Start } = geometry;
    if (cluster >= l2Start) return this.#l2Table(cluster - l2Start, signal);
    if (cluster >= l1Start) return l1Cluster(geometry, cluster - l1Start);
    if (cluster >= refcountBlocksStart) {
      return refcountBlockCluster(geometry, cluster - refcountBlocksStart);
    }
    if (cluster >= refcountTableStart) {
      return refcountTableCluster(geometry, cluster - refcountTableStart);
    }
    return headerCluster(geometry);
  }

  async #l2Table(nth: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const cached = this.#tables.get(nth);
    if (cached !== undefined) return cached;
    const table = await l2Cluster(this.#geometry, this.#places(nth, signal));
    this.#tables.set(nth, table);
    for (const oldest of this.#tables.keys()) {
      if (this.#tables.size <= cachedTables) break;
      this.#tables.delete(oldest);
    }
    return table;
  }

  async *#places(
    nth: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ index: number; cluster: number }> {
    const { clusterSizeBytes, dataStart, l2Indexes } = this.#geometry;
    const chunksPerTable = clusterSizeBytes / 8;
    const first = l2Indexes[nth]! * chunksPerTable;
    for await (const { chunk, rank } of this.#ranks.inChunks(
      first,
      first + chunksPerTable,
      signal,
    )) {
      yield { index: chunk - first, cluster: dataStart + rank };
    }
  }
}
