import type { Bank } from '../../../../lib/bank/bank.ts';
import type { Root } from '../../../../lib/bank/format/root.ts';
import { ChunkReader, type ChunkReaderOptions } from '../../../../lib/bank/read/chunk-reader.ts';
import { readFileRange } from '../../../../lib/bank/read/image-file.ts';
import { rawLayout } from '../../../../lib/disk/raw-layout.ts';

/** A reader of a checkpoint's first disk. */
export function readerOfDisk(bank: Bank, root: Root, options?: ChunkReaderOptions): ChunkReader {
  const [disk] = root.disks;
  if (disk === undefined) throw new RangeError('The checkpoint has no disk.');
  return new ChunkReader(bank, root, disk, options);
}

/** The whole of a checkpoint's first disk, as a raw image. */
export async function restoredDisk(bank: Bank, root: Root): Promise<Uint8Array> {
  const reader = readerOfDisk(bank, root);
  const layout = rawLayout(reader.map);
  return new Uint8Array(await readFileRange(layout, reader, 0, layout.fileSizeBytes));
}
