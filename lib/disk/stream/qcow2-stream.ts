import type { DiskPiece } from '../disk.ts';
import {
  headerClusterBytes,
  headerProbeBytes,
  readHeader,
  type Qcow2Header,
} from '../qcow2/header.ts';
import { clusterInflater } from '../qcow2/inflate-cluster.ts';
import { readL1Table, type L1Table } from '../qcow2/l1-table.ts';
import { clustersPerGroup } from '../qcow2/l2-groups.ts';
import { StretchReader } from '../qcow2/stretches.ts';
import { batches } from '../range/batches.ts';
import { storedLength, type Stretch } from '../range/extent.ts';
import { fill, inflationsAtOnce } from '../range/fill.ts';
import { createLimit } from '../range/limit.ts';
import { orderedMap } from '../range/ordered-map.ts';
import { pieces } from '../range/pieces.ts';
import type { ByteStream } from './byte-stream.ts';
import { LookAside } from './look-aside.ts';

/** A part of a table of this size is looked at at once; never two tables, for the second may come after all data of the first. */
const mostGroupBytes = 2 ** 16;

export interface Qcow2StreamOptions {
  pieceBytes: number;
  lookAsideBytes: number;
  signal?: AbortSignal | undefined;
}

export interface Qcow2Stream {
  guestSizeBytes: number;
  pieces: AsyncGenerator<DiskPiece, void, undefined>;
}

/** Reads the header of a qcow2 image from a stream; the rest of the stream is read by the pieces. */
export async function openQcow2Stream(
  stream: ByteStream,
  options: Qcow2StreamOptions,
): Promise<Qcow2Stream> {
  const probe = await stream.take(headerProbeBytes);
  const missing = headerClusterBytes(probe) - probe.length;
  const start = missing <= 0 ? probe : Buffer.concat([probe, await stream.take(missing)]);
  const header = readHeader(start, stream.sizeBytes);
  const lookAside = new LookAside(stream, header.clusterSizeBytes, options.lookAsideBytes);
  lookAside.restore(start);
  return {
    guestSizeBytes: header.guestSizeBytes,
    pieces: qcow2Pieces(stream, header, lookAside, options),
  };
}

async function* qcow2Pieces(
  stream: ByteStream,
  header: Qcow2Header,
  lookAside: LookAside,
  { pieceBytes, signal }: Qcow2StreamOptions,
): AsyncGenerator<DiskPiece, void, undefined> {
  const limitInflations = createLimit(inflationsAtOnce);
  const unitBytes = Math.max(pieceBytes, header.clusterSizeBytes);
  try {
    const filled = orderedMap(
      (stop) => storedBatches(stream, header, lookAside, unitBytes, stop),
      ({ batch, stored }) => fill(batch, stored, limitInflations),
      { ahead: inflationsAtOnce, signal },
    );
    for await (const stretch of filled) yield* pieces(stretch, pieceBytes);
  } finally {
    await stream.close();
  }
}

interface StoredBatch {
  batch: Stretch;
  /** Of each extent the bytes of the file that hold it. */
  stored: Uint8Array[];
}

/** Takes the data of one unit after the other out of the stream, in the order of guest addresses, and then the rest of it. */
async function* storedBatches(
  stream: ByteStream,
  header: Qcow2Header,
  lookAside: LookAside,
  unitBytes: number,
  stop: AbortSignal,
): AsyncGenerator<StoredBatch, void, undefined> {
  stream.useSignal(stop);
  // A batch is one unit with data, or holes: nothing is asked of the stream before its turn.
  const units = batches(stretches(stream.sizeBytes, header, lookAside, unitBytes), {
    unitBytes,
    dataBytes: 1,
    spanBytes: unitBytes,
  });
  for await (const batch of units) {
    const stored: Uint8Array[] = [];
    for (const extent of batch.extents) {
      stop.throwIfAborted();
      // Compressed clusters and subclusters share a cluster of the file with others.
      const shared = extent.kind === 'compressed' || header.extendedL2;
      stored.push(await lookAside.copy(extent.host, storedLength(extent), shared));
    }
    yield { batch, stored };
  }
  await stream.drain();
}

async function* stretches(
  fileSizeBytes: number,
  header: Qcow2Header,
  lookAside: LookAside,
  unitBytes: number,
): AsyncGenerator<Stretch, void, undefined> {
  const { clusterSizeBytes, guestSizeBytes, l1Offset, l1Entries } = header;
  const l1Bytes = await lookAside.copy(l1Offset, l1Entries * 8, false);
  const l1 = readL1Table(l1Bytes, header, fileSizeBytes);
  lookAside.expectTables(l1);
  const inflate = clusterInflater(header.compression, clusterSizeBytes);
  const reader = new StretchReader(header, fileSizeBytes, inflate);
  const groupBytes = Math.min(mostGroupBytes, clusterSizeBytes);
  const clusters = clustersPerGroup(header, groupBytes);
  for (let first = 0; first * clusterSizeBytes < guestSizeBytes; first += clusters) {
    const entries = await groupEntries(header, l1, lookAside, first, groupBytes);
    yield* reader.read({ firstCluster: first, clusters, entries }, 0, guestSizeBytes, unitBytes);
  }
}

async function groupEntries(
  { clusterSizeBytes, l2Entries }: Qcow2Header,
  l1: L1Table,
  lookAside: LookAside,
  firstCluster: number,
  groupBytes: number,
): Promise<Uint8Array | null> {
  const offset = l1[Math.floor(firstCluster / l2Entries)]!;
  if (offset === 0) return null;
  const table = await lookAside.table(offset);
  const start = (firstCluster % l2Entries) * (clusterSizeBytes / l2Entries);
  const end = start + groupBytes;
  if (end === clusterSizeBytes) lookAside.dropTable(offset);
  return table.subarray(start, end);
}
