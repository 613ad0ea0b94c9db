import type { ByteSource, Disk } from './disk.ts';
import { diskFormatOf } from './disk-format.ts';
import { plainMap } from './plain-map.ts';
import { openQcow2 } from './qcow2/open-qcow2.ts';
import { diskOf } from './range/read-range.ts';

/**
 * Opens an image file for reading by guest address. `declaredFormat` is Glance's disk_format; all but raw and qcow2 is opaque.
 * Of a qcow2 image the header and the L1 table are read and checked here, L2 tables with the ranges that need them.
 *
 * Throws DiskFormatMismatch, UnsupportedDisk, CorruptDisk (also readRange does), IncompleteImageRead, and what the source throws.
 */
export async function openDisk(
  source: ByteSource,
  declaredFormat: string | null,
  signal?: AbortSignal,
): Promise<Disk> {
  const format = diskFormatOf(declaredFormat);
  const map =
    format === 'qcow2' ? await openQcow2(source, signal) : plainMap(format, source.sizeBytes);
  return diskOf(source, map);
}
