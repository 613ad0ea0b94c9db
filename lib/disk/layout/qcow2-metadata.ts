import type { Qcow2Geometry } from './qcow2-geometry.ts';

const version = 3;
const headerBytes = 104;
/** Refcounts of 2^4 bits. */
const refcountOrder = 4;
/** In L1 and L2 entries: the refcount is exactly one. */
const copiedFlag = 0x8000_0000;

/** The first cluster: a version 3 header without features, and the mark that no header extensions follow. */
export function headerCluster(geometry: Qcow2Geometry): Uint8Array {
  const { clusterSizeBytes } = geometry;
  const { bytes, view } = emptyCluster(clusterSizeBytes);
  bytes.set([0x51, 0x46, 0x49, 0xfb]);
  view.setUint32(4, version);
  view.setUint32(20, Math.log2(clusterSizeBytes));
  view.setBigUint64(24, BigInt(geometry.diskSizeBytes));
  view.setUint32(36, geometry.l1Entries);
  view.setBigUint64(40, BigInt(geometry.l1Start * clusterSizeBytes));
  view.setBigUint64(48, BigInt(geometry.refcountTableStart * clusterSizeBytes));
  view.setUint32(56, geometry.refcountTableClusters);
  view.setUint32(96, refcountOrder);
  view.setUint32(100, headerBytes);
  return bytes;
}

/** The cluster `index` of the refcount table. */
export function refcountTableCluster(geometry: Qcow2Geometry, index: number): Uint8Array {
  const { clusterSizeBytes, refcountBlocksStart, refcountBlocks } = geometry;
  const { bytes, view } = emptyCluster(clusterSizeBytes);
  const first = (index * clusterSizeBytes) / 8;
  for (let at = 0; at < clusterSizeBytes && first + at / 8 < refcountBlocks; at += 8) {
    setOffset(view, at, (refcountBlocksStart + first + at / 8) * clusterSizeBytes, 0);
  }
  return bytes;
}

/** The refcount block `index`: one for every cluster of the file. */
export function refcountBlockCluster(geometry: Qcow2Geometry, index: number): Uint8Array {
  const { clusterSizeBytes, clusters } = geometry;
  const { bytes, view } = emptyCluster(clusterSizeBytes);
  const counted = Math.min(clusterSizeBytes / 2, clusters - (index * clusterSizeBytes) / 2);
  for (let cluster = 0; cluster < counted; cluster += 1) view.setUint16(cluster * 2, 1);
  return bytes;
}

/** The cluster `index` of the L1 table. */
export function l1Cluster(geometry: Qcow2Geometry, index: number): Uint8Array {
  const { clusterSizeBytes, l2Start, l2Indexes } = geometry;
  const { bytes, view } = emptyCluster(clusterSizeBytes);
  const first = (index * clusterSizeBytes) / 8;
  const end = first + clusterSizeBytes / 8;
  for (const [nth, l1Index] of l2Indexes.entries()) {
    if (l1Index < first || l1Index >= end) continue;
    setOffset(view, (l1Index - first) * 8, (l2Start + nth) * clusterSizeBytes, copiedFlag);
  }
  return bytes;
}

/** An L2 table whose entry `index` leads to the cluster `place` of the file, for all given; the others are holes. */
export async function l2Cluster(
  { clusterSizeBytes }: Qcow2Geometry,
  places: AsyncIterable<{ index: number; cluster: number }>,
): Promise<Uint8Array> {
  const { bytes, view } = emptyCluster(clusterSizeBytes);
  for await (const { index, cluster } of places) {
    setOffset(view, index * 8, cluster * clusterSizeBytes, copiedFlag);
  }
  return bytes;
}

function emptyCluster(clusterSizeBytes: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(clusterSizeBytes);
  return { bytes, view: new DataView(bytes.buffer) };
}

function setOffset(view: DataView, at: number, offset: number, flag: number): void {
  view.setUint32(at, (Math.floor(offset / 2 ** 32) | flag) >>> 0);
  view.setUint32(at + 4, offset % 2 ** 32);
}
