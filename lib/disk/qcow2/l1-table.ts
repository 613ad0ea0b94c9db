import { CorruptDisk } from '../errors.ts';
import { viewOf } from './big-endian.ts';
import type { Qcow2Header } from './header.ts';

/** Offsets of the L2 tables by L1 index, 0 where there is none; each table lies whole and aligned in the file. */
export type L1Table = Float64Array;

/** Reads the active L1 table and checks every entry. At most 32 MiB, as the header's checks have it. */
export function readL1Table(
  bytes: Uint8Array,
  { l1Offset, l1Entries, clusterSizeBytes }: Qcow2Header,
  fileSizeBytes: number,
): L1Table {
  const view = viewOf(bytes);
  const table = new Float64Array(l1Entries);
  for (let index = 0; index < l1Entries; index += 1) {
    const offset = hostOffset(view.getUint32(index * 8), view.getUint32(index * 8 + 4));
    if (offset === 0) continue;
    if (offset % clusterSizeBytes !== 0 || offset + clusterSizeBytes > fileSizeBytes) {
      throw new CorruptDisk(`an L2 table at byte ${offset}`, { fileOffset: l1Offset + index * 8 });
    }
    table[index] = offset;
  }
  return table;
}

/** The host offset in an L1 or uncompressed L2 entry: bits 9 to 55, exact as a number because the low nine are zero. */
export function hostOffset(high: number, low: number): number {
  return (high & 0x00ff_ffff) * 2 ** 32 + ((low & 0xffff_fe00) >>> 0);
}
