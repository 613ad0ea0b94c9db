import type { ByteSource } from '../disk.ts';
import { limitedReads } from '../range/read-bytes.ts';
import type { AddressMap } from '../range/read-range.ts';
import { headerClusterBytes, headerProbeBytes, readHeader } from './header.ts';
import { clusterInflater } from './inflate-cluster.ts';
import { readL1Table } from './l1-table.ts';
import { L2Groups } from './l2-groups.ts';
import { StretchReader } from './stretches.ts';

/** Reads and checks the header and the L1 table of a qcow2 image. Holds at most 32 MiB for the table, and a MiB of L2 entries. */
export async function openQcow2(source: ByteSource, signal?: AbortSignal): Promise<AddressMap> {
  const { sizeBytes } = source;
  const read = limitedReads(source, 1);
  const probe = await read(0, Math.min(headerProbeBytes, sizeBytes), signal);
  const clusterBytes = Math.min(headerClusterBytes(probe), sizeBytes);
  const cluster = clusterBytes <= probe.length ? probe : await read(0, clusterBytes, signal);
  const header = readHeader(cluster, sizeBytes);
  const l1 = readL1Table(
    await read(header.l1Offset, header.l1Entries * 8, signal),
    header,
    sizeBytes,
  );

  const groups = new L2Groups(header, l1);
  const reader = new StretchReader(
    header,
    sizeBytes,
    clusterInflater(header.compression, header.clusterSizeBytes),
  );
  return {
    format: 'qcow2',
    guestSizeBytes: header.guestSizeBytes,
    clusterSizeBytes: header.clusterSizeBytes,
    async *stretches(start, end, unitBytes, read, signal) {
      for await (const group of groups.load(start, end, read, signal)) {
        yield* reader.read(group, start, end, unitBytes);
      }
    },
  };
}
