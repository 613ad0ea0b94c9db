import type { RootDisk } from '../bank/format/root.ts';
import type { ChunkReader } from '../bank/read/chunk-reader.ts';
import { openImageFile } from '../bank/read/image-file.ts';
import { rawLayout } from '../disk/raw-layout.ts';

/** A stretch of a disk's addresses that holds data, or a hole, which reads as zeros. */
export interface Stretch {
  readonly kind: 'data' | 'hole';
  readonly offset: number;
  readonly length: number;
}

/** A disk of a checkpoint by guest address, as a guest saw it; of an opaque one the bytes of its file. */
export interface GuestDisk {
  readonly sizeBytes: number;
  /** What `[offset, offset + length)` is made of, ascending, neighbours of one kind joined. Reads no data. */
  stretches(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Stretch>;
  /** `[offset, offset + length)` in pieces of at most 1 MiB, which must not be changed. Throws `ChunkDamaged` or `PackMissing`. */
  read(offset: number, length: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

export function guestDisk(reader: ChunkReader, { guestSizeBytes }: RootDisk): GuestDisk {
  const layout = rawLayout(reader.map);
  return {
    sizeBytes: guestSizeBytes,
    async *stretches(offset, length, signal) {
      let current: Stretch | undefined;
      let end = offset;
      for await (const extent of layout.extents(offset, length, signal)) {
        const kind = extent.kind === 'zeros' ? 'hole' : 'data';
        const bytes = extent.kind === 'bytes' ? extent.bytes.length : extent.length;
        if (current?.kind === kind) {
          current = { ...current, length: current.length + bytes };
        } else {
          if (current !== undefined) yield current;
          current = { kind, offset: end, length: bytes };
        }
        end += bytes;
      }
      if (current !== undefined) yield current;
    },
    read: (offset, length, signal) =>
      openImageFile(layout, reader, {
        offset,
        length,
        ...(signal === undefined ? {} : { signal }),
      }),
  };
}
