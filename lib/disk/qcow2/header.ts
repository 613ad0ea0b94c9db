import {
  CorruptDisk,
  DiskFormatMismatch,
  UnsupportedDisk,
  type UnsupportedFeature,
} from '../errors.ts';
import { readU64, viewOf } from './big-endian.ts';
import { readIncompatibleFeatures } from './features.ts';
import { readHeaderExtensions } from './header-extensions.ts';

const magic = 0x514649fb;
const version2HeaderBytes = 72;
const version3HeaderBytes = 104;
const compressionTypeOffset = 104;
/** QEMU's own limits: clusters of 512 bytes to 2 MiB, an L1 table of at most 32 MiB. */
const fewestClusterBits = 9;
const mostClusterBits = 21;
const mostL1Bytes = 32 * 2 ** 20;
const subclusters = 32;
const smallestSubclusterBytes = 512;

/** Of a file this much is read first; the header needs it all only with larger clusters. */
export const headerProbeBytes = 2 ** 16;

export type Compression = 'deflate' | 'zstd';

/** What reading needs of a qcow2 header; everything is checked against the file. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  readonly guestSizeBytes: number;
  readonly l1Offset: number;
  /** Entries that the guest's size needs; those of a saved machine's memory come after them and are not read. */
  readonly l1Entries: number;
  /** Guest clusters that an L2 table maps. */
  readonly l2Entries: number;
  /** L2 entries are 16 bytes and tell 32 subclusters apart. */
  readonly extendedL2: boolean;
  readonly compression: Compression;
}

/** Size of the first cluster, which holds the whole header, known from the first bytes of the file. */
export function headerClusterBytes(start: Uint8Array): number {
  const view = viewOf(start);
  if (start.length < 4 || view.getUint32(0) !== magic) throw new DiskFormatMismatch('qcow2');
  if (start.length < version2HeaderBytes)
    throw new CorruptDisk('the header is cut short', { fileOffset: 0 });
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) throw new UnsupportedDisk(['unknown version']);
  const clusterBits = view.getUint32(20);
  if (clusterBits < fewestClusterBits || clusterBits > mostClusterBits) {
    throw new CorruptDisk(`cluster bits of ${clusterBits}`, { fileOffset: 20 });
  }
  return 2 ** clusterBits;
}

/**
 * Reads a header of version 2 or 3. `cluster` is the first cluster of the file, or the whole of a shorter file.
 *
 * Internal snapshots are ignored on purpose: only the active L1 table is the disk. So are refcounts: nothing is written.
 */
export function readHeader(cluster: Uint8Array, fileSizeBytes: number): Qcow2Header {
  const clusterSizeBytes = headerClusterBytes(cluster);
  const view = viewOf(cluster);
  const version = view.getUint32(4) === 3 ? 3 : 2;
  const headerBytes = headerLength(view, version, clusterSizeBytes);
  const backingFileOffset = readU64(view, 8);
  const extensionsEnd = Math.min(
    cluster.length,
    clusterSizeBytes,
    backingFileOffset === 0 ? Infinity : backingFileOffset,
  );
  const extensions = readHeaderExtensions(cluster, headerBytes, extensionsEnd);

  const refused: UnsupportedFeature[] = [];
  if (backingFileOffset !== 0) refused.push('backing file');
  if (view.getUint32(32) !== 0 || extensions.encryptionHeader) refused.push('encryption');
  const incompatible = readIncompatibleFeatures(
    version === 3 ? view.getBigUint64(72) : 0n,
    extensions.featureNames,
  );
  refused.push(...incompatible.refused);
  const compressionType =
    headerBytes > compressionTypeOffset ? view.getUint8(compressionTypeOffset) : 0;
  if (compressionType > 1) refused.push('unknown compression');
  if (refused.length > 0) throw new UnsupportedDisk(refused);

  if (incompatible.compressionType !== (compressionType !== 0)) {
    throw new CorruptDisk('the compression type and its feature bit disagree', {
      fileOffset: compressionTypeOffset,
    });
  }
  if (incompatible.extendedL2 && clusterSizeBytes / subclusters < smallestSubclusterBytes) {
    throw new CorruptDisk(`extended L2 entries with clusters of ${clusterSizeBytes} bytes`, {
      fileOffset: 72,
    });
  }
  const guestSizeBytes = readU64(view, 24);
  if (!Number.isSafeInteger(guestSizeBytes))
    throw new CorruptDisk('the disk size is too large', { fileOffset: 24 });
  const l2Entries = clusterSizeBytes / (incompatible.extendedL2 ? 16 : 8);
  return {
    version,
    clusterSizeBytes,
    guestSizeBytes,
    ...l1Place(
      view,
      guestSizeBytes / (clusterSizeBytes * l2Entries),
      clusterSizeBytes,
      fileSizeBytes,
    ),
    l2Entries,
    extendedL2: incompatible.extendedL2,
    compression: compressionType === 1 ? 'zstd' : 'deflate',
  };
}

function headerLength(view: DataView, version: 2 | 3, clusterSizeBytes: number): number {
  if (version === 2) return version2HeaderBytes;
  if (view.byteLength < version3HeaderBytes)
    throw new CorruptDisk('the header is cut short', { fileOffset: 0 });
  const length = view.getUint32(100);
  if (length < version3HeaderBytes || length > Math.min(clusterSizeBytes, view.byteLength)) {
    throw new CorruptDisk(`a header length of ${length}`, { fileOffset: 100 });
  }
  return length;
}

function l1Place(
  view: DataView,
  l2Tables: number,
  clusterSizeBytes: number,
  fileSizeBytes: number,
): { l1Offset: number; l1Entries: number } {
  const l1Entries = Math.ceil(l2Tables);
  const written = view.getUint32(36);
  if (written * 8 > mostL1Bytes)
    throw new CorruptDisk(`an L1 table of ${written} entries`, { fileOffset: 36 });
  if (written < l1Entries) {
    throw new CorruptDisk(`an L1 table of ${written} entries where ${l1Entries} are needed`, {
      fileOffset: 36,
    });
  }
  const l1Offset = readU64(view, 40);
  if (l1Entries === 0) return { l1Offset: 0, l1Entries };
  if (
    l1Offset % clusterSizeBytes !== 0 ||
    l1Offset < clusterSizeBytes ||
    l1Offset + l1Entries * 8 > fileSizeBytes
  ) {
    throw new CorruptDisk(`an L1 table at byte ${l1Offset}`, { fileOffset: 40 });
  }
  return { l1Offset, l1Entries };
}
