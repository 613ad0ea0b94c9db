import type { RootDisk } from '../bank/format/root.ts';
import type { ChunkMap, ImageFileLayout } from '../disk/disk.ts';
import { qcow2Layout } from '../disk/qcow2-layout.ts';
import { rawLayout } from '../disk/raw-layout.ts';

/**
 * How the image file lies: qcow2 without the holes, raw as the disk's addresses are. An opaque disk is the bytes of a file already,
 * whatever Glance calls their format.
 */
export function imageFileLayout(
  map: ChunkMap,
  { format }: Pick<RootDisk, 'format'>,
  diskFormat: string,
): ImageFileLayout {
  return format !== 'opaque' && diskFormat === 'qcow2' ? qcow2Layout(map) : rawLayout(map);
}
