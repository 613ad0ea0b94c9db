/** An image file that can be read at any offset: an image in Glance that answers ranges, a file, a test's buffer. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly the bytes `[offset, offset + length)`; never fewer. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** How the image file is understood; `opaque`: its bytes are the address space. */
export type DiskFormat = 'raw' | 'qcow2' | 'opaque';

/** A piece of the guest's address space. */
export interface DiskPiece {
  /** Guest address of the first byte; a multiple of the piece size. */
  offset: number;
  /** The piece size, less only for the last piece of the disk. */
  length: number;
  /** The bytes, or null for a hole: unallocated or marked zero, and therefore never read. */
  bytes: Uint8Array | null;
}

export interface ReadRangeOptions {
  /** Size of the pieces that are handed out, a power of two; the bank's chunk size. */
  pieceBytes: number;
  /** Most image-file reads under way at once (default 6). */
  inFlight?: number;
  signal?: AbortSignal;
}

/** A disk seen by guest address. */
export interface Disk {
  readonly format: DiskFormat;
  readonly guestSizeBytes: number;
  /** Hands out `[start, end)` in ascending pieces, without gaps. `start` is a multiple of the piece size, `end` too or the disk's end. */
  readRange(start: number, end: number, options: ReadRangeOptions): AsyncIterable<DiskPiece>;
}

/** Which chunks of a disk are not holes: what a writer of image files needs to lay out a file before it has any data. */
export interface ChunkMap {
  readonly guestSizeBytes: number;
  readonly chunkSizeBytes: number;
  /** Chunks per segment (the last segment may have fewer). */
  readonly chunksPerSegment: number;
  /** Chunks of the segment that are not holes, known without reading the segment. */
  nonHoleCount(segment: number): number;
  /** Bitmap of the segment's chunks, least significant bit first: 1 = holds data. */
  bitmap(segment: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** A run of bytes of an image file that is being written. */
export type FileExtent =
  | { kind: 'bytes'; bytes: Uint8Array }
  | { kind: 'zeros'; length: number }
  /** `[start, start + length)` of a chunk's plain bytes; past the chunk's own length (the end of the disk) zeros follow. */
  | { kind: 'chunk'; chunk: number; start: number; length: number };

/** An image file laid out over a chunk map: any range of it can be produced without the rest. */
export interface ImageFileLayout {
  readonly fileSizeBytes: number;
  /** The extents of `[offset, offset + length)` of the file, ascending, without gaps. */
  extents(offset: number, length: number, signal?: AbortSignal): AsyncIterable<FileExtent>;
}
