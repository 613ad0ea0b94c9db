import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeStream } from '../../../lib/disk/decode-stream.ts';
import type { DiskPiece } from '../../../lib/disk/disk.ts';
import { openDisk } from '../../../lib/disk/open-disk.ts';
import { buildQcow2, type BuiltImage } from './support/build-qcow2.ts';
import { MemorySource, streamOf } from './support/memory-source.ts';

const clusterBits = 16;
const clusterSize = 2 ** clusterBits;
const compressedFlag = 1n << 62n;
const pieceBytes = clusterSize;

/** An image of four clusters, the first with data, changed by hand. */
function image(
  change: (bytes: Buffer, image: BuiltImage) => unknown,
  compression: 'deflate' | 'zstd' = 'deflate',
): Buffer {
  const built = buildQcow2({
    clusterBits,
    guestSizeBytes: 4 * clusterSize,
    compression,
    clusters: [{ kind: 'plain', bytes: Buffer.alloc(clusterSize, 'data') }],
  });
  const bytes = Buffer.from(built.bytes);
  change(bytes, built);
  return bytes;
}

interface Read {
  /** The error's name, or that all pieces came. */
  outcome: string;
  message: string;
  pieces: number;
  bytesRead: number;
  reads: { offset: number; length: number }[];
}

async function readByRanges(file: Buffer, mostBytes = Infinity): Promise<Read> {
  const source = new MemorySource(file);
  const read = await taken(async function* pieces() {
    const disk = await openDisk(source, 'qcow2');
    const end = Math.min(disk.guestSizeBytes, mostBytes);
    yield* disk.readRange(0, end, { pieceBytes });
  });
  return { ...read, bytesRead: source.bytesRead, reads: source.reads };
}

async function readInOnePass(file: Buffer): Promise<Read> {
  let bytesRead = 0;
  async function* counted() {
    for await (const bytes of streamOf(file)) {
      bytesRead += bytes.length;
      yield bytes;
    }
  }
  const read = await taken(async function* pieces() {
    const { pieces } = await decodeStream(counted(), {
      declaredFormat: 'qcow2',
      fileSizeBytes: file.length,
      pieceBytes,
      lookAsideBytes: 2 ** 20,
    });
    yield* pieces;
  });
  return { ...read, bytesRead, reads: [] };
}

async function taken(pieces: () => AsyncIterable<DiskPiece>) {
  let count = 0;
  try {
    for await (const piece of pieces()) count += piece.length > 0 ? 1 : 0;
    return { outcome: 'read', message: '', pieces: count };
  } catch (error) {
    const { name, message } = error as Error;
    return { outcome: name, message, pieces: count };
  }
}

describe.each([
  ['by ranges', readByRanges],
  ['in one pass', readInOnePass],
] as const)('a hostile image read %s', (_, readAll) => {
  it('never leads to /etc/passwd by a backing file, and does not get its name into the message', async () => {
    const file = image((bytes) => {
      bytes.writeBigUInt64BE(512n, 8);
      bytes.writeUInt32BE(11, 16);
      bytes.write('/etc/passwd', 512);
    });

    const { outcome, message } = await readAll(file);

    expect(outcome).toBe('UnsupportedDisk');
    expect(message).toContain('backing file');
    expect(message).not.toContain('passwd');
  });

  it('never leads to a file or a device by an external data file', async () => {
    const file = image((bytes) => {
      bytes.writeBigUInt64BE(4n, 72);
      bytes.writeUInt32BE(0x44415441, 112);
      bytes.writeUInt32BE(8, 116);
      bytes.write('/dev/sda', 120);
    });

    const { outcome, message } = await readAll(file);

    expect(outcome).toBe('UnsupportedDisk');
    expect(message).toContain('external data file');
    expect(message).not.toContain('/dev');
  });

  it('reads data, and not a loop, where a table names itself', async () => {
    const file = image((bytes, { l2Offsets: [table = 0] }) => {
      for (let entry = 0; entry < 4; entry += 1) {
        bytes.writeBigUInt64BE(BigInt(table), table + 8 * entry);
      }
    });

    const { outcome, pieces, bytesRead } = await readAll(file);

    // A table that is data too was dropped when it had served: one pass may not go back.
    if (outcome === 'read') expect(pieces).toBe(4);
    else expect(outcome).toBe('NotStreamable');
    expect(bytesRead).toBeLessThan(16 * clusterSize);
  });

  it('reads the L1 table as the L2 table that it says it is, once', async () => {
    const file = image((bytes, { l1Offset }) => {
      bytes.writeBigUInt64BE(BigInt(l1Offset), l1Offset);
    });

    const { outcome, bytesRead } = await readAll(file);

    expect(['read', 'NotStreamable', 'CorruptDisk']).toContain(outcome);
    expect(bytesRead).toBeLessThan(16 * clusterSize);
  });

  it.each([
    ['a disk of 2^63 bytes', 24, 1n << 63n],
    ['a disk of 2^64 - 1 bytes', 24, (1n << 64n) - 1n],
    ['an L1 table at 2^63', 40, 1n << 63n],
    ['a disk of 2^62 bytes with an L1 table of 64 KiB', 24, 1n << 62n],
  ])('refuses %s before it reads or allocates anything for it', async (_case, at, value) => {
    const file = image((bytes) => bytes.writeBigUInt64BE(value, at));

    const { outcome, reads } = await readAll(file);

    expect(outcome).toBe('CorruptDisk');
    expect(reads.length).toBeLessThanOrEqual(1);
  });

  it.each([
    ['a table at 2^55', 'l1', 1n << 55n],
    ['data at 2^55', 'l2', 1n << 55n],
    ['compressed data at 2^53', 'l2', compressedFlag | (1n << 53n)],
  ] as const)('refuses %s', async (_case, where, entry) => {
    const file = image((bytes, { l1Offset, l2Offsets: [table = 0] }) =>
      bytes.writeBigUInt64BE(entry, where === 'l1' ? l1Offset : table),
    );

    expect((await readAll(file)).outcome).toBe('CorruptDisk');
  });

  it.each(['deflate', 'zstd'] as const)('never inflates a bomb: %s', async (compression) => {
    const plain = Buffer.alloc(2 ** 28);
    const bomb = compression === 'zstd' ? zstdCompressSync(plain) : deflateRawSync(plain);
    const sound = image(() => undefined, compression);
    const file = Buffer.concat([sound, bomb]);
    const sectors = BigInt(Math.min(255, Math.ceil(bomb.length / 512)));
    const table = Number(file.readBigUInt64BE(clusterSize) & 0x00ff_ffff_ffff_fe00n);
    const entry = compressedFlag | (sectors << BigInt(70 - clusterBits)) | BigInt(sound.length);
    for (let index = 0; index < 4; index += 1) file.writeBigUInt64BE(entry, table + 8 * index);
    const before = process.resourceUsage().maxRSS;

    const { outcome } = await readAll(file);

    expect(outcome).toBe('CorruptDisk');
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 * 1024);
  });

  it('does not look at refcounts, whatever nonsense they are', async () => {
    const file = image((bytes) => {
      bytes.writeBigUInt64BE((1n << 64n) - 1n, 48);
      bytes.writeUInt32BE(0xffff_ffff, 56);
      bytes.writeUInt32BE(0xffff_ffff, 60);
      bytes.writeBigUInt64BE(1n << 63n, 64);
      bytes.writeUInt32BE(0xffff_ffff, 96);
    });

    expect(await readAll(file)).toMatchObject({ outcome: 'read', pieces: 4 });
  });
});

it('hands out a disk of petabytes that a small image claims piece by piece, and holds none of it', async () => {
  const tables = 16_384;
  const built = buildQcow2({ clusterBits: 21, guestSizeBytes: 2 ** 21, clusters: [] });
  const file = Buffer.concat([built.bytes.subarray(0, built.l1Offset), Buffer.alloc(tables * 8)]);
  file.writeUInt32BE(tables, 36);
  file.writeBigUInt64BE((1n << 53n) - 512n, 24);
  const before = process.resourceUsage().maxRSS;

  const { outcome, bytesRead } = await readByRanges(file, 2 ** 30);

  expect(outcome).toBe('read');
  expect(bytesRead).toBeLessThan(2 * file.length + 2 ** 16);
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(64 * 1024);
});
