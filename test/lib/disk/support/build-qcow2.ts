import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';

/** What a guest cluster is in the image that is built. */
export type ClusterSpec =
  | { kind: 'hole' }
  | { kind: 'zero' }
  /** Has a place in the file, and reads as zeros all the same. */
  | { kind: 'zeroAllocated' }
  | { kind: 'plain'; bytes: Uint8Array }
  | { kind: 'compressed'; bytes: Uint8Array }
  /** Extended L2 only: bit n of the masks is subcluster n. */
  | { kind: 'subclusters'; bytes: Uint8Array; allocated: number; zeros: number };

export interface ImageSpec {
  version?: 2 | 3;
  clusterBits: number;
  guestSizeBytes: number;
  extendedL2?: boolean;
  compression?: 'deflate' | 'zstd';
  /** By guest cluster; the rest are holes. */
  clusters: readonly ClusterSpec[];
  /** Orders guest clusters as they are written to the file; default: ascending. */
  writeOrder?: readonly number[];
  /** 'before': each L2 table before the first data that it leads to, as convert writes; 'end': all after the data. */
  l2Place?: 'before' | 'end';
  /** L1 table after all else. */
  l1Last?: boolean;
  extensions?: readonly { type: number; data: Uint8Array }[];
  /** Ends the file where the last stored byte that the disk needs ends. */
  cutTail?: boolean;
}

export interface BuiltImage {
  bytes: Buffer;
  l1Offset: number;
  l1Entries: number;
  l2Offsets: number[];
}

const fastest = { [constants.ZSTD_c_compressionLevel]: 1 };
const copied = 1n << 63n;
const compressedFlag = 1n << 62n;

/** Writes a qcow2 image straight from the specification, in orders and with features that qemu-img would not choose. No refcounts. */
export function buildQcow2(spec: ImageSpec): BuiltImage {
  const { clusterBits, guestSizeBytes, extendedL2 = false, compression = 'deflate' } = spec;
  const version = spec.version ?? 3;
  const clusterSize = 2 ** clusterBits;
  const entryBytes = extendedL2 ? 16 : 8;
  const l2Entries = clusterSize / entryBytes;
  const guestClusters = Math.ceil(guestSizeBytes / clusterSize);
  const l1Entries = Math.ceil(guestClusters / l2Entries);
  const l1Clusters = Math.ceil((l1Entries * 8) / clusterSize);
  const blocks = new Map<number, Uint8Array>();
  let next = clusterSize;
  let compressedAt = 0;
  const allocate = (clusters: number): number => {
    const offset = next;
    next += clusters * clusterSize;
    return offset;
  };

  let l1Offset = spec.l1Last === true ? 0 : allocate(l1Clusters);
  const tables = new Map<number, { offset: number; bytes: Buffer }>();
  const tableOf = (cluster: number): { offset: number; bytes: Buffer } => {
    const index = Math.floor(cluster / l2Entries);
    const known = tables.get(index);
    if (known !== undefined) return known;
    const offset = spec.l2Place === 'end' ? 0 : allocate(1);
    const table = { offset, bytes: Buffer.alloc(clusterSize) };
    tables.set(index, table);
    return table;
  };
  const store = (bytes: Uint8Array): number => {
    const offset = allocate(1);
    blocks.set(offset, bytes);
    return offset;
  };
  /** Compressed clusters lie back to back inside host clusters, as QEMU packs them. */
  const storeCompressed = (bytes: Uint8Array): number => {
    const clusterEnd = Math.ceil(compressedAt / clusterSize) * clusterSize;
    const fits = compressedAt + bytes.length <= clusterEnd || clusterEnd === next;
    const offset = compressedAt > 0 && fits ? compressedAt : next;
    next = Math.max(next, Math.ceil((offset + bytes.length) / clusterSize) * clusterSize);
    blocks.set(offset, bytes);
    compressedAt = offset + bytes.length;
    return offset;
  };

  const order = spec.writeOrder ?? spec.clusters.map((_, index) => index);
  for (const cluster of order) {
    const content = spec.clusters[cluster]!;
    if (content.kind === 'hole') continue;
    const table = tableOf(cluster);
    const at = (cluster % l2Entries) * entryBytes;
    let entry = 0n;
    let bitmap = 0n;
    if (content.kind === 'zero') {
      if (extendedL2) bitmap = 0xffff_ffffn << 32n;
      else entry = 1n;
    } else if (content.kind === 'zeroAllocated') {
      entry = copied | BigInt(store(new Uint8Array(clusterSize).fill(0xee)));
      if (extendedL2) bitmap = 0xffff_ffffn << 32n;
      else entry |= 1n;
    } else if (content.kind === 'plain') {
      entry = copied | BigInt(store(content.bytes));
      bitmap = 0xffff_ffffn;
    } else if (content.kind === 'compressed') {
      const stored =
        compression === 'zstd'
          ? zstdCompressSync(content.bytes, { chunkSize: clusterSize + 1024, params: fastest })
          : deflateRawSync(content.bytes, { windowBits: 12, level: 1 });
      const offset = storeCompressed(stored);
      const sectors = Math.floor((offset + stored.length - 1) / 512) - Math.floor(offset / 512);
      entry = compressedFlag | (BigInt(sectors) << BigInt(70 - clusterBits)) | BigInt(offset);
    } else {
      entry = copied | BigInt(store(content.bytes));
      bitmap = (BigInt(content.zeros) << 32n) | BigInt(content.allocated);
    }
    table.bytes.writeBigUInt64BE(entry, at);
    if (extendedL2) table.bytes.writeBigUInt64BE(bitmap, at + 8);
  }
  for (const table of tables.values()) if (table.offset === 0) table.offset = allocate(1);
  if (spec.l1Last === true) l1Offset = allocate(l1Clusters);

  const needed = Math.max(
    ...[...blocks].map(([offset, bytes]) => offset + bytes.length),
    l1Offset + l1Entries * 8,
    ...[...tables.values()].map(({ offset }) => offset + clusterSize),
    clusterSize,
  );
  const bytes = Buffer.alloc(spec.cutTail === true ? Math.min(next, needed) : next);
  for (const [offset, block] of blocks) bytes.set(block, offset);
  for (const [index, table] of tables) {
    bytes.set(table.bytes, table.offset);
    bytes.writeBigUInt64BE(copied | BigInt(table.offset), l1Offset + index * 8);
  }
  writeHeader(bytes, spec, version, l1Offset, l1Entries);
  return {
    bytes,
    l1Offset,
    l1Entries,
    l2Offsets: [...tables.values()].map(({ offset }) => offset),
  };
}

function writeHeader(
  bytes: Buffer,
  { clusterBits, guestSizeBytes, extendedL2, compression, extensions = [] }: ImageSpec,
  version: 2 | 3,
  l1Offset: number,
  l1Entries: number,
): void {
  bytes.set([0x51, 0x46, 0x49, 0xfb]);
  bytes.writeUInt32BE(version, 4);
  bytes.writeUInt32BE(clusterBits, 20);
  bytes.writeBigUInt64BE(BigInt(guestSizeBytes), 24);
  bytes.writeUInt32BE(l1Entries, 36);
  bytes.writeBigUInt64BE(BigInt(l1Offset), 40);
  let at = 72;
  if (version === 3) {
    const zstd = compression === 'zstd';
    bytes.writeBigUInt64BE((zstd ? 8n : 0n) | (extendedL2 === true ? 16n : 0n), 72);
    bytes.writeUInt32BE(4, 96);
    bytes.writeUInt32BE(112, 100);
    bytes.writeUInt8(zstd ? 1 : 0, 104);
    at = 112;
  }
  for (const { type, data } of extensions) {
    bytes.writeUInt32BE(type, at);
    bytes.writeUInt32BE(data.length, at + 4);
    bytes.set(data, at + 8);
    at += 8 + Math.ceil(data.length / 8) * 8;
  }
}
