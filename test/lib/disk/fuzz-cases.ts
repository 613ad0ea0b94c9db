import { decodeStream } from '../../../lib/disk/decode-stream.ts';
import type { DiskPiece } from '../../../lib/disk/disk.ts';
import { openDisk } from '../../../lib/disk/open-disk.ts';
import { SnapbankError } from '../../../lib/errors.ts';
import { buildQcow2, type BuiltImage, type ClusterSpec } from './support/build-qcow2.ts';
import { MemorySource, streamOf } from './support/memory-source.ts';
import { Random } from './support/random.ts';
import { referenceDisk, type ReferenceDisk } from './support/reference-qcow2.ts';

/** How a case ended, for statistics: what was thrown, or that everything was read. */
export interface FuzzOutcome {
  ranges: string;
  stream: string;
}

const mostBytesRead = 64 * 2 ** 20;
const allowed = new Set(['CorruptDisk', 'UnsupportedDisk', 'DiskFormatMismatch']);

/**
 * One case: a random image, a few structure-aware mutations, a read by ranges and one in a single pass. Throws when the outcome is
 * neither the reference reader's data nor, where that refuses, an error with a name; when a read leaves the file; when more is read
 * than a bound. The seed is the whole case.
 */
export async function runFuzzCase(seed: number): Promise<FuzzOutcome> {
  const random = new Random(seed);
  const image = randomImage(random);
  const file = mutate(image, random);
  try {
    return await readBothWays(file, random);
  } catch (error) {
    throw new Error(`fuzz case ${seed} failed`, { cause: error });
  }
}

async function readBothWays(file: Buffer, random: Random): Promise<FuzzOutcome> {
  const reference = referenceDisk(file);
  const pieceBytes = 2 ** (9 + random.below(8));
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

  const stream = await readStream(file, reference, pieceBytes, random);
  return { ranges, stream };
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

function randomImage(random: Random): BuiltImage {
  const extendedL2 = random.chance(0.25);
  const clusterBits = extendedL2 ? 14 : 9 + random.below(6);
  const clusterSize = 2 ** clusterBits;
  const version = extendedL2 || random.chance(0.7) ? 3 : 2;
  const compression = version === 3 && random.chance(0.4) ? 'zstd' : 'deflate';
  const count = 1 + random.below(clusterBits > 11 ? 12 : 120);
  const pattern = random.bytes(clusterSize + 64);
  const content = (): Uint8Array => {
    const from = random.below(64);
    const bytes = Buffer.alloc(clusterSize);
    const filled = random.chance(0.5) ? clusterSize : random.below(clusterSize);
    bytes.set(pattern.subarray(from, from + filled));
    return bytes;
  };
  const clusters = Array.from({ length: count }, (): ClusterSpec => {
    const kind = random.below(10);
    if (kind < 3) return { kind: 'hole' };
    if (kind === 3 && version === 3) return { kind: 'zero' };
    if (kind === 4 && version === 3) return { kind: 'zeroAllocated' };
    if (kind === 5 && random.chance(clusterBits > 11 ? 1 : 0.3))
      return { kind: 'compressed', bytes: content() };
    if (kind < 8 && extendedL2) {
      const allocated = random.word();
      return {
        kind: 'subclusters',
        bytes: content(),
        allocated,
        zeros: (random.word() & ~allocated) >>> 0,
      };
    }
    return { kind: 'plain', bytes: content() };
  });
  const guestSizeBytes = count * clusterSize - (random.chance(0.5) ? random.below(clusterSize) : 0);
  const inOrder = clusters.map((_, index) => index);
  return buildQcow2({
    version,
    clusterBits,
    guestSizeBytes,
    extendedL2,
    compression,
    clusters,
    writeOrder: random.chance(0.6) ? inOrder : random.shuffled(inOrder),
    l2Place: random.chance(0.8) ? 'before' : 'end',
    l1Last: random.chance(0.1),
    cutTail: random.chance(0.3),
    extensions:
      random.chance(0.3) && clusterSize >= 1024
        ? [{ type: 0x23852875, data: random.bytes(random.below(64)) }]
        : [],
  });
}

/** Offsets and sizes of the header's fields. */
const headerFields: readonly (readonly [number, 1 | 4 | 8])[] = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 4],
  [20, 4],
  [24, 8],
  [32, 4],
  [36, 4],
  [40, 8],
  [48, 8],
  [56, 4],
  [60, 4],
  [64, 8],
  [72, 8],
  [80, 8],
  [88, 8],
  [96, 4],
  [100, 4],
  [104, 1],
  [112, 4],
  [116, 4],
];

function mutate(image: BuiltImage, random: Random): Buffer {
  let file = Buffer.from(image.bytes);
  const mutations = random.below(4);
  for (let turn = 0; turn < mutations; turn += 1) {
    const kind = random.below(10);
    if (kind < 3) {
      const [offset, size] = random.pick(headerFields);
      writeField(file, offset, size, interesting(file, size, random));
    } else if (kind < 4) {
      const entry = image.l1Offset + 8 * random.below(Math.max(1, image.l1Entries));
      writeField(file, entry, 8, interesting(file, 8, random));
    } else if (kind < 8 && image.l2Offsets.length > 0) {
      const clusterSize = 2 ** image.bytes.readUInt32BE(20);
      // Most tables are filled at their start only.
      const entries = random.chance(0.5) ? 32 : clusterSize / 8;
      const entry =
        random.pick(image.l2Offsets) + 8 * random.below(Math.min(entries, clusterSize / 8));
      writeField(file, entry, 8, interesting(file, 8, random));
    } else if (kind === 8) {
      const at = random.below(file.length);
      if (file.length > 0)
        file.writeUInt8((file.readUInt8(at) ^ (1 << random.below(8))) & 0xff, at);
    } else {
      file = random.chance(0.7)
        ? file.subarray(0, random.below(file.length + 1))
        : Buffer.concat([file, random.bytes(random.below(4096))]);
    }
  }
  return file;
}

function interesting(file: Buffer, size: 1 | 4 | 8, random: Random): bigint {
  const bits = BigInt(size * 8);
  const near = (value: bigint): bigint => value + BigInt(random.below(3) - 1);
  const value = ((): bigint => {
    switch (random.below(8)) {
      case 0:
        return BigInt(random.below(4));
      case 1:
        return near(1n << BigInt(random.below(size * 8)));
      case 2:
        return near(BigInt(file.length));
      case 3:
        return (BigInt(random.below(file.length + 1)) / 512n) * 512n;
      case 4:
        return (1n << bits) - 1n - BigInt(random.below(2));
      case 5: {
        // The value of another field, as it is or with a flag turned.
        const at = random.below(Math.max(1, Math.floor(file.length / 8))) * 8;
        const other = at + 8 <= file.length ? file.readBigUInt64BE(at) : 0n;
        return other ^ (1n << BigInt(random.below(64)));
      }
      case 6:
        return (BigInt(random.word()) << 32n) | BigInt(random.word());
      default:
        return near(BigInt(2 ** (9 + random.below(13))) * BigInt(random.below(64)));
    }
  })();
  return BigInt.asUintN(size * 8, value);
}

function writeField(file: Buffer, offset: number, size: 1 | 4 | 8, value: bigint): void {
  if (offset + size > file.length) return;
  if (size === 1) file.writeUInt8(Number(value), offset);
  else if (size === 4) file.writeUInt32BE(Number(value), offset);
  else file.writeBigUInt64BE(value, offset);
}
