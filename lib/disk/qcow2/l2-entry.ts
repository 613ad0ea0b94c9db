import { CorruptDisk } from '../errors.ts';
import { hostOffset } from './l1-table.ts';

/** What an L2 entry says about a guest cluster. */
export type ClusterEntry =
  | { kind: 'hole' }
  | { kind: 'plain'; host: number }
  | { kind: 'compressed'; host: number; hostLength: number };

const hole: ClusterEntry = { kind: 'hole' };
const compressedFlag = 0x4000_0000;
const zeroFlag = 1;

export interface EntryFormat {
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
  readonly extendedL2: boolean;
}

/**
 * Reads the descriptor of an L2 entry, given as its two halves. Reserved bits are ignored, as QEMU does. `guestAddress`
 * is for errors. Offsets are not yet checked against the file, but for alignment.
 */
export function readClusterEntry(
  high: number,
  low: number,
  { version, clusterSizeBytes, extendedL2 }: EntryFormat,
  guestAddress: number,
): ClusterEntry {
  if ((high & compressedFlag) !== 0) return readCompressed(high, low, clusterSizeBytes);
  const host = hostOffset(high, low);
  // With extended L2 entries the bitmap says what is zero, and the flag means nothing.
  if ((low & zeroFlag) !== 0 && !extendedL2) {
    if (version === 2) {
      throw new CorruptDisk('a zero cluster in a version 2 image', { guestAddress });
    }
    return hole;
  }
  if (host === 0) return hole;
  if (host % clusterSizeBytes !== 0) {
    throw new CorruptDisk(`a cluster at unaligned byte ${host}`, { guestAddress });
  }
  return { kind: 'plain', host };
}

/**
 * With x = 70 - cluster bits: bits 0 to x-1 are the byte where the compressed data starts, bits x to 61 the count of further
 * 512-byte sectors that it reaches into.
 */
function readCompressed(high: number, low: number, clusterSizeBytes: number): ClusterEntry {
  const sectorsShift = 70 - Math.log2(clusterSizeBytes) - 32;
  const descriptor = high & 0x3fff_ffff;
  const sectors = descriptor >>> sectorsShift;
  const host = (descriptor & (2 ** sectorsShift - 1)) * 2 ** 32 + low;
  return { kind: 'compressed', host, hostLength: (sectors + 1) * 512 - (host % 512) };
}

/**
 * The bitmap of an extended L2 entry, a bit per subcluster (bit 0 the first): returns those that are stored. `zeros` and `allocated`
 * are its halves; `plain` says whether the cluster has a place in the file.
 */
export function storedSubclusters(
  zeros: number,
  allocated: number,
  plain: boolean,
  guestAddress: number,
): number {
  const contradiction = plain ? zeros & allocated : allocated;
  if (contradiction !== 0)
    throw new CorruptDisk('a contradictory subcluster bitmap', { guestAddress });
  return allocated;
}
