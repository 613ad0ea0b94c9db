import { createHash } from 'node:crypto';

/** Leaf of a segment: over its chunk ids, 32 zero bytes for a hole. */
export function segmentHash(ids: Uint8Array): string {
  return createHash('sha256').update(LEAF).update(ids).digest('hex');
}

/** A disk's identity: over its size, its chunk size and its segments' leaves. */
export function merkleRoot(
  guestSizeBytes: number,
  chunkSizeBytes: number,
  segmentHashes: Iterable<string>,
): string {
  const sizes = Buffer.alloc(12);
  sizes.writeBigUInt64BE(BigInt(guestSizeBytes));
  sizes.writeUInt32BE(chunkSizeBytes, 8);
  const hash = createHash('sha256').update(NODE).update(sizes);
  for (const leaf of segmentHashes) hash.update(leaf, 'hex');
  return hash.digest('hex');
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
