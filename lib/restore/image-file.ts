import { ChunkReader } from '../bank/read/chunk-reader.ts';
import { openImageFile, readFileRange } from '../bank/read/image-file.ts';
import type { Services } from '../services.ts';
import { diskOf, readCheckpoint } from './checkpoint-root.ts';
import { imageFileLayout } from './image-layout.ts';
import type { RestorePlan } from './plan.ts';

/** The image file of a restore: any range of it, without the rest. */
export interface RestoredFile {
  readonly sizeBytes: number;
  /** `[offset, offset + length)` as a stream with read-ahead. */
  read(offset: number, length: number): AsyncIterable<Uint8Array>;
  /** The same, whole. */
  bytes(offset: number, length: number): Promise<Uint8Array>;
}

export async function openRestoredFile(
  services: Services,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<RestoredFile> {
  const bank = await services.bank();
  const checkpoint = await readCheckpoint(bank, plan, signal);
  const { content: disk } = diskOf(checkpoint, plan.disk);
  const reader = new ChunkReader(bank, checkpoint.root, disk);
  const layout = imageFileLayout(reader.map, disk, plan.image.diskFormat);
  return {
    sizeBytes: layout.fileSizeBytes,
    read: (offset, length) => openImageFile(layout, reader, { offset, length, signal }),
    bytes: async (offset, length) =>
      await readFileRange(layout, reader, offset, length, { signal }),
  };
}
