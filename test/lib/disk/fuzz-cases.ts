import { decodeStream } from '../../../lib/disk/decode-stream.ts';
import type { DiskPiece } from '../../../lib/disk/disk.ts';
import { openDisk } from '../../../lib/disk/open-disk.ts';
import { SnapbankError } from '../../../lib/errors.ts';
import { mutate, randomImage } from './support/hostile-image.ts';
import { MemorySource, streamOf } from './support/memory-source.ts';
import { Random } from './support/random.ts';
import { referenceDisk, type ReferenceDisk } from './support/reference-qcow2.ts';

/** How a case ended, for statistics: what was thrown, or that everything was read. */
export interface FuzzOutcome {
  ranges: string;
  stream: string;
}

const mostBytesRead = 64 * 2 ** 20;
/** Of this process, all threads; a case takes about a millisecond. */
const mostCpuSeconds = 5;
const allowed = new Set(['CorruptDisk', 'UnsupportedDisk', 'DiskFormatMismatch']);

/** The file of a case: a random image and a few structure-aware mutations. The seed is the whole case. */
export function fuzzImage(seed: number): Buffer {
  const random = new Random(seed);
  return mutate(randomImage(random), random);
}

/**
 * Reads a file that may be hostile, by ranges and in a single pass. Throws when the outcome is neither the reference reader's data nor,
 * where that refuses, an error with a name; when a read leaves the file; when it takes more reading or time than a bound. `seed` decides
 * what is read, and in which pieces.
 */
export async function checkImage(file: Buffer, seed: number): Promise<FuzzOutcome> {
  const random = new Random(~seed);
  const reference = referenceDisk(file);
  const pieceBytes = 2 ** (9 + random.below(8));
  const began = process.cpuUsage();
  const ranges = await readRanges(file, reference, pieceBytes, random);
  const stream = await readStream(file, reference, pieceBytes, random);
  const { user, system } = process.cpuUsage(began);
  if (user + system > mostCpuSeconds * 1e6) throw new Error(`${(user + system) / 1e6} s of CPU`);
  return { ranges, stream };
}

async function readRanges(
  file: Buffer,
  reference: ReferenceDisk | undefined,
  pieceBytes: number,
  random: Random,
): Promise<string> {
  const source = new MemorySource(file);
  let ranges = 'read';
  try {
    const disk = await openDisk(source, 'qcow2');
    if (reference === undefined) throw new Error('opened what the reference refuses');
    for (const [start, end] of rangesToRead(disk.guestSizeBytes, pieceBytes, random)) {
      const pieces = disk.readRange(start, end, { pieceBytes, inFlight: 1 + random.below(4) });
      const outcome = await compare(pieces, reference, start, end, pieceBytes);
      if (outcome !== 'read') ranges = outcome;
    }
  } catch (error) {
    ranges = nameOf(error);
    if (reference !== undefined) throw error;
  }
  if (source.underWay !== 0) throw new Error('reads went on after the end');
  if (source.bytesRead > mostBytesRead) throw new Error(`${source.bytesRead} bytes were read`);
  return ranges;
}

async function readStream(
  file: Buffer,
  reference: ReferenceDisk | undefined,
  pieceBytes: number,
  random: Random,
): Promise<string> {
  try {
    const decoded = await decodeStream(streamOf(file, [1 + random.below(100_000)]), {
      declaredFormat: 'qcow2',
      fileSizeBytes: file.length,
      pieceBytes,
      lookAsideBytes: random.pick([0, 2 ** 20, 2 ** 24]),
    });
    if (reference === undefined) {
      // The L1 table comes with the pieces, so an error in it does too.
      await decoded.pieces[Symbol.asyncIterator]().next();
      throw new Error('opened what the reference refuses');
    }
    const end = Math.min(decoded.guestSizeBytes, 2048 * pieceBytes);
    const isWhole = end === decoded.guestSizeBytes;
    const pieces = isWhole ? decoded.pieces : upTo(end, decoded.pieces);
    // A hole is handed out when its end is known, so what follows it in the same table may be refused before.
    const seenEnd = Math.min(decoded.guestSizeBytes, end + 8192 * reference.clusterSizeBytes);
    return await compare(pieces, reference, 0, end, pieceBytes, seenEnd);
  } catch (error) {
    if (error instanceof SnapbankError && error.name === 'NotStreamable') return error.name;
    if (reference === undefined) return nameOf(error);
    throw error;
  }
}

/** The pieces before `end`, which may be the first of very many; the one behind it may rightly fail, so it is not asked for. */
async function* upTo(
  end: number,
  pieces: AsyncIterable<DiskPiece>,
): AsyncGenerator<DiskPiece, void, undefined> {
  for await (const piece of pieces) {
    yield piece;
    if (piece.offset + piece.length >= end) return;
  }
}

/** Compares pieces with the reference up to `end`; where that refuses anything up to `seenEnd`, an error with a name is right. */
async function compare(
  pieces: AsyncIterable<DiskPiece>,
  reference: ReferenceDisk,
  start: number,
  end: number,
  pieceBytes: number,
  seenEnd = end,
): Promise<string> {
  let expected = start;
  try {
    for await (const piece of pieces) {
      if (expected === end) throw new Error(`a piece behind the end at ${end}`);
      const length = Math.min(pieceBytes, reference.guestSizeBytes - expected);
      if (piece.offset !== expected || piece.length !== length)
        throw new Error('piece out of place');
      const right = referencePiece(reference, expected, length);
      if (right === undefined) throw new Error(`piece at ${expected}: read what must be refused`);
      const same =
        right === null ? piece.bytes === null : piece.bytes !== null && right.equals(piece.bytes);
      if (!same) throw new Error(`piece at ${expected} differs`);
      expected += length;
    }
  } catch (error) {
    if (!(error instanceof SnapbankError)) throw error;
    if (error.name === 'NotStreamable') return error.name;
    const name = nameOf(error);
    if (!refusedWithin(reference, start, seenEnd)) throw error;
    return name;
  }
  if (expected !== end) throw new Error(`pieces ended at ${expected}, not ${end}`);
  return 'read';
}

function referencePiece(
  { cluster, clusterSizeBytes }: ReferenceDisk,
  start: number,
  length: number,
): Buffer | null | undefined {
  const bytes = Buffer.alloc(length);
  let isHole = true;
  for (
    let index = Math.floor(start / clusterSizeBytes);
    index * clusterSizeBytes < start + length;
    index += 1
  ) {
    const content = cluster(index);
    if (content === undefined) return undefined;
    const clusterStart = index * clusterSizeBytes;
    for (const [storedStart, storedEnd] of content?.stored ?? []) {
      const from = Math.max(start, clusterStart + storedStart);
      const to = Math.min(start + length, clusterStart + storedEnd);
      if (from >= to) continue;
      isHole = false;
      bytes.set(content!.bytes.subarray(from - clusterStart, to - clusterStart), from - start);
    }
  }
  return isHole ? null : bytes;
}

function refusedWithin(reference: ReferenceDisk, start: number, end: number): boolean {
  const { cluster, clusterSizeBytes } = reference;
  for (
    let index = Math.floor(start / clusterSizeBytes);
    index * clusterSizeBytes < end;
    index += 1
  ) {
    if (cluster(index) === undefined) return true;
  }
  return false;
}

function nameOf(error: unknown): string {
  if (error instanceof SnapbankError && allowed.has(error.name)) return error.name;
  throw error;
}

/** The whole of a small disk; of one whose header claims more, some pieces here and there. */
function rangesToRead(guestSize: number, pieceBytes: number, random: Random): [number, number][] {
  const pieces = Math.ceil(guestSize / pieceBytes);
  if (pieces <= 2048) return [[0, guestSize]];
  return Array.from({ length: 3 }, () => {
    const first = random.below(pieces);
    const end = Math.min(guestSize, (first + 1 + random.below(512)) * pieceBytes);
    return [first * pieceBytes, end];
  });
}
