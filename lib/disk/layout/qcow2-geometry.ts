import { InvalidInput } from '../../errors.ts';
import type { ChunkMap } from '../disk.ts';
import type { ChunkRanks } from './chunk-ranks.ts';

/** QEMU opens no L1 table above 32 MiB and no refcount table above 8 MiB. */
const mostL1Bytes = 32 * 2 ** 20;
const mostRefcountTableBytes = 8 * 2 ** 20;
const sectorBytes = 512;

/** Where everything lies in a qcow2 file that is written in one go; all counts and places in clusters. */
export interface Qcow2Geometry {
  readonly clusterSizeBytes: number;
  /** The size that the header states, in bytes. */
  readonly diskSizeBytes: number;
  readonly refcountTableStart: number;
  readonly refcountTableClusters: number;
  readonly refcountBlocksStart: number;
  readonly refcountBlocks: number;
  readonly l1Start: number;
  readonly l1Entries: number;
  readonly l2Start: number;
  /** L1 indexes of the L2 tables that are written, ascending. */
  readonly l2Indexes: readonly number[];
  readonly dataStart: number;
  readonly clusters: number;
}

/**
 * Lays out header, refcount table and blocks, L1 table, L2 tables, data. Needs only the counts of the map, not its bitmaps: where a
 * segment has data, the L2 tables that it touches are written, even one that turns out to be empty.
 */
export function qcow2Geometry(map: ChunkMap, ranks: ChunkRanks): Qcow2Geometry {
  const clusterSizeBytes = map.chunkSizeBytes;
  const clusterBits = Math.log2(clusterSizeBytes);
  if (!Number.isInteger(clusterBits) || clusterBits < 9 || clusterBits > 21) {
    throw new InvalidInput(
      `A qcow2 file has clusters of 512 bytes to 2 MiB, a power of two; the chunks are of ${clusterSizeBytes} bytes.`,
    );
  }
  const l2Indexes = writtenL2Tables(map, ranks);
  const l1Entries = Math.ceil(ranks.chunks / (clusterSizeBytes / 8));
  const l1Clusters = Math.ceil((l1Entries * 8) / clusterSizeBytes);
  const others = 1 + l1Clusters + l2Indexes.length + ranks.dataChunks;
  const { table, blocks } = refcountClusters(others, clusterSizeBytes);
  if (l1Entries * 8 > mostL1Bytes || blocks * 8 > mostRefcountTableBytes) {
    throw new InvalidInput(
      `A disk of ${map.guestSizeBytes} bytes is too large for a qcow2 file with clusters of ${clusterSizeBytes} bytes.`,
    );
  }
  const refcountTableStart = 1;
  const refcountBlocksStart = refcountTableStart + table;
  const l1Start = refcountBlocksStart + blocks;
  const l2Start = l1Start + l1Clusters;
  return {
    clusterSizeBytes,
    diskSizeBytes: Math.ceil(map.guestSizeBytes / sectorBytes) * sectorBytes,
    refcountTableStart,
    refcountTableClusters: table,
    refcountBlocksStart,
    refcountBlocks: blocks,
    l1Start,
    l1Entries,
    l2Start,
    l2Indexes,
    dataStart: l2Start + l2Indexes.length,
    clusters: others + table + blocks,
  };
}

function writtenL2Tables(map: ChunkMap, ranks: ChunkRanks): number[] {
  const chunksPerTable = map.chunkSizeBytes / 8;
  const indexes: number[] = [];
  for (let segment = 0; segment < ranks.segments; segment += 1) {
    if (ranks.before(segment + 1) === ranks.before(segment)) continue;
    const firstChunk = segment * map.chunksPerSegment;
    const endChunk = Math.min(ranks.chunks, firstChunk + map.chunksPerSegment);
    const first = Math.max(Math.floor(firstChunk / chunksPerTable), (indexes.at(-1) ?? -1) + 1);
    for (let index = first; index * chunksPerTable < endChunk; index += 1) indexes.push(index);
  }
  return indexes;
}

/** Refcount table and blocks count themselves, so their number is grown until it suffices. Refcounts have 16 bits. */
function refcountClusters(
  others: number,
  clusterSizeBytes: number,
): { table: number; blocks: number } {
  let table = 0;
  let blocks = 0;
  for (;;) {
    const neededBlocks = Math.ceil((others + table + blocks) / (clusterSizeBytes / 2));
    const neededTable = Math.ceil((neededBlocks * 8) / clusterSizeBytes);
    if (neededBlocks === blocks && neededTable === table) return { table, blocks };
    blocks = neededBlocks;
    table = neededTable;
  }
}
