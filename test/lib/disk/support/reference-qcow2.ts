import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';

/**
 * A second reader of qcow2, written from the specification for the tests alone: one cluster at a time, in BigInt, over a whole file in
 * memory, sharing nothing with the one that is tested. Undefined stands for what has to be refused.
 */
export interface ReferenceDisk {
  guestSizeBytes: number;
  clusterSizeBytes: number;
  /** A guest cluster, null where it is a hole, undefined where it has to be refused. */
  cluster: (index: number) => ReferenceCluster | null | undefined;
}

interface ReferenceCluster {
  bytes: Uint8Array;
  /** Parts of it that are stored; what is between them is hole. */
  stored: readonly (readonly [start: number, end: number])[];
}

export function referenceDisk(file: Buffer): ReferenceDisk | undefined {
  const fileSize = BigInt(file.length);
  if (file.length < 72 || file.readUInt32BE(0) !== 0x514649fb) return undefined;
  const version = file.readUInt32BE(4);
  if (version !== 2 && version !== 3) return undefined;
  const clusterBits = file.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) return undefined;
  const clusterSize = 1n << BigInt(clusterBits);
  if (file.readBigUInt64BE(8) !== 0n || file.readUInt32BE(32) !== 0) return undefined;

  let features = 0n;
  let headerLength = 72;
  let compressionType = 0;
  if (version === 3) {
    if (file.length < 104) return undefined;
    features = file.readBigUInt64BE(72);
    headerLength = file.readUInt32BE(100);
    if (headerLength < 104 || headerLength > Math.min(Number(clusterSize), file.length)) {
      return undefined;
    }
    if (headerLength > 104) compressionType = file.readUInt8(104);
  }
  if ((features & ~0b11000n) !== 0n || compressionType > 1) return undefined;
  if (((features & 8n) !== 0n) !== (compressionType === 1)) return undefined;
  const extended = (features & 16n) !== 0n;
  if (extended && clusterBits < 14) return undefined;
  if (!extensionsAreSound(file.subarray(0, Number(clusterSize)), headerLength)) return undefined;

  const guestSize = file.readBigUInt64BE(24);
  if (guestSize >= 1n << 53n) return undefined;
  const entryBytes = extended ? 16n : 8n;
  const l2Entries = clusterSize / entryBytes;
  const l1Entries = ceilDiv(guestSize, clusterSize * l2Entries);
  const l1Size = BigInt(file.readUInt32BE(36));
  const l1Offset = file.readBigUInt64BE(40);
  if (l1Size * 8n > 1n << 25n || l1Size < l1Entries) return undefined;
  if (l1Entries > 0n) {
    if (l1Offset % clusterSize !== 0n || l1Offset === 0n) return undefined;
    if (l1Offset + l1Entries * 8n > fileSize) return undefined;
  }
  const tables: bigint[] = [];
  for (let index = 0n; index < l1Entries; index += 1n) {
    const table = file.readBigUInt64BE(Number(l1Offset + index * 8n)) & 0x00ff_ffff_ffff_fe00n;
    if (table % clusterSize !== 0n || table + clusterSize > fileSize) return undefined;
    tables.push(table);
  }

  const cluster = (index: number): ReferenceCluster | null | undefined => {
    const number = BigInt(index);
    const table = tables[Number(number / l2Entries)]!;
    if (table === 0n) return null;
    const at = Number(table + (number % l2Entries) * entryBytes);
    const entry = file.readBigUInt64BE(at);
    const bitmap = extended ? file.readBigUInt64BE(at + 8) : 0n;
    const guestStart = number * clusterSize;
    const used = guestSize - guestStart < clusterSize ? guestSize - guestStart : clusterSize;
    if ((entry & (1n << 62n)) !== 0n) return compressed(entry);
    const host = entry & 0x00ff_ffff_ffff_fe00n;
    if (!extended && (entry & 1n) === 1n) return version === 2 ? undefined : null;
    if (host % clusterSize !== 0n) return undefined;
    if (!extended) {
      if (host === 0n) return null;
      if (host + used > fileSize) return undefined;
      return whole(file.subarray(Number(host), Number(host + used)));
    }
    return subclusters(host, bitmap, used);
  };

  const compressed = (entry: bigint): ReferenceCluster | undefined => {
    const x = BigInt(62 - (clusterBits - 8));
    const host = entry & ((1n << x) - 1n);
    const sectors = (entry & ((1n << 62n) - 1n)) >> x;
    if (host >= fileSize) return undefined;
    const end = host - (host % 512n) + (sectors + 1n) * 512n;
    const stored = file.subarray(Number(host), Number(end < fileSize ? end : fileSize));
    const size = Number(clusterSize);
    const options = { chunkSize: size + 1, maxOutputLength: size };
    try {
      const plain =
        compressionType === 1
          ? zstdDecompressSync(stored, options)
          : inflateRawSync(stored, { ...options, finishFlush: constants.Z_SYNC_FLUSH });
      return plain.length === size ? whole(plain) : undefined;
    } catch {
      return undefined;
    }
  };

  const subclusters = (host: bigint, bitmap: bigint, used: bigint) => {
    const size = clusterSize / 32n;
    const allocated = bitmap & 0xffff_ffffn;
    if (host === 0n) return allocated === 0n ? null : undefined;
    if ((allocated & (bitmap >> 32n)) !== 0n) return undefined;
    const plain = Buffer.alloc(Number(used));
    const stored: [number, number][] = [];
    for (let index = 0n; index < 32n; index += 1n) {
      if (((allocated >> index) & 1n) === 0n || index * size >= used) continue;
      const end = (index + 1n) * size < used ? (index + 1n) * size : used;
      if (host + end > fileSize) return undefined;
      stored.push([Number(index * size), Number(end)]);
      plain.set(
        file.subarray(Number(host + index * size), Number(host + end)),
        Number(index * size),
      );
    }
    return stored.length > 0 ? { bytes: plain, stored } : null;
  };

  const known = new Map<number, ReferenceCluster | null | undefined>();
  return {
    guestSizeBytes: Number(guestSize),
    clusterSizeBytes: Number(clusterSize),
    cluster(index) {
      if (!known.has(index)) known.set(index, cluster(index));
      return known.get(index);
    },
  };
}

function whole(bytes: Uint8Array): ReferenceCluster {
  return { bytes, stored: [[0, bytes.length]] };
}

function extensionsAreSound(cluster: Buffer, start: number): boolean {
  for (let at = start; at + 8 <= cluster.length; ) {
    const type = cluster.readUInt32BE(at);
    if (type === 0) return true;
    const length = cluster.readUInt32BE(at + 4);
    if (type === 0x0537be77 || at + 8 + length > cluster.length) return false;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return true;
}

function ceilDiv(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
