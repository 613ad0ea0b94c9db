/** What cuts a disk into chunks and segments. */
export interface DiskGeometry {
  readonly guestSizeBytes: number;
  readonly chunkSizeBytes: number;
  readonly chunksPerSegment: number;
}

export function chunkCountOf({ guestSizeBytes, chunkSizeBytes }: DiskGeometry): number {
  return Math.ceil(guestSizeBytes / chunkSizeBytes);
}

export function segmentCountOf(geometry: DiskGeometry): number {
  return Math.ceil(chunkCountOf(geometry) / geometry.chunksPerSegment);
}

/** Chunks of a segment: all segments but the last are full. */
export function chunksOfSegment(geometry: DiskGeometry, segment: number): number {
  const before = segment * geometry.chunksPerSegment;
  return Math.min(geometry.chunksPerSegment, chunkCountOf(geometry) - before);
}

/** Bytes of a chunk: all chunks but the disk's last are full. */
export function chunkLength(
  { guestSizeBytes, chunkSizeBytes }: DiskGeometry,
  chunk: number,
): number {
  return Math.min(chunkSizeBytes, guestSizeBytes - chunk * chunkSizeBytes);
}
