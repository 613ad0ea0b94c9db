import type { AddressMap } from './range/read-range.ts';

/** The file's bytes are the address space: raw disks, and every file that is taken as it is. */
export function plainMap(format: 'raw' | 'opaque', fileSizeBytes: number): AddressMap {
  return {
    format,
    guestSizeBytes: fileSizeBytes,
    clusterSizeBytes: 1,
    async *stretches(start, end, unitBytes) {
      for (let from = start; from < end; from += unitBytes) {
        const to = Math.min(end, from + unitBytes);
        const extents = [{ kind: 'plain' as const, guest: from, length: to - from, host: from }];
        yield { start: from, end: to, extents };
      }
    },
  };
}
