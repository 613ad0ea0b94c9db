import { describe, expect, it } from 'vitest';
import { CorruptDisk, UnsupportedDisk } from '../../../../lib/disk/errors.ts';
import { readHeader } from '../../../../lib/disk/qcow2/header.ts';
import { buildQcow2, type ImageSpec } from '../support/build-qcow2.ts';

const mebibyte = 2 ** 20;

function image(
  change: (bytes: Buffer) => unknown = () => undefined,
  spec: Partial<ImageSpec> = {},
): Buffer {
  const { bytes } = buildQcow2({
    clusterBits: 16,
    guestSizeBytes: mebibyte,
    clusters: [],
    ...spec,
  });
  change(bytes);
  return bytes;
}

function header(
  change?: (bytes: Buffer) => unknown,
  spec?: Partial<ImageSpec>,
): ReturnType<typeof readHeader> {
  const bytes = image(change, spec);
  return readHeader(bytes.subarray(0, 65_536), bytes.length);
}

function namesTable(bit: number, name: string): { type: number; data: Buffer } {
  const data = Buffer.alloc(48);
  data.writeUInt8(0, 0);
  data.writeUInt8(bit, 1);
  data.write(name, 2, 'latin1');
  return { type: 0x6803f857, data };
}

describe('readHeader', () => {
  it('reads version 3', () => {
    expect(header(undefined, { compression: 'zstd' })).toEqual({
      version: 3,
      clusterSizeBytes: 65_536,
      guestSizeBytes: mebibyte,
      l1Offset: 65_536,
      l1Entries: 1,
      l2Entries: 8192,
      extendedL2: false,
      compression: 'zstd',
    });
  });

  it('reads version 2, whatever lies where version 3 has its features', () => {
    expect(header((bytes) => bytes.writeUInt32BE(0, 72), { version: 2 })).toMatchObject({
      version: 2,
      extendedL2: false,
      compression: 'deflate',
    });
  });

  it('knows that an extended L2 table maps half as many clusters', () => {
    expect(header(undefined, { extendedL2: true })).toMatchObject({ l2Entries: 4096 });
  });

  it('takes a header of version 3 that ends before the compression type for deflate', () => {
    expect(header((bytes) => bytes.writeUInt32BE(104, 100))).toMatchObject({
      compression: 'deflate',
    });
  });

  it('reads of the L1 table only what the disk needs', () => {
    expect(header((bytes) => bytes.writeUInt32BE(100, 36)).l1Entries).toBe(1);
  });

  it('ignores internal snapshots, refcounts, unknown extensions and compatible features', () => {
    const extensions = [
      { type: 0x23852875, data: Buffer.alloc(24, 9) },
      { type: 0x12345678, data: Buffer.alloc(13, 9) },
    ];
    const read = header(
      (bytes) => {
        bytes.writeUInt32BE(3, 60);
        bytes.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, 64);
        bytes.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, 48);
        bytes.writeBigUInt64BE(0xffn, 80);
        bytes.writeBigUInt64BE(0xffn, 88);
      },
      { extensions },
    );

    expect(read.guestSizeBytes).toBe(mebibyte);
  });

  it.each([
    ['unknown version', (bytes: Buffer) => bytes.writeUInt32BE(4, 4)],
    ['backing file', (bytes: Buffer) => bytes.writeBigUInt64BE(200n, 8)],
    ['encryption', (bytes: Buffer) => bytes.writeUInt32BE(1, 32)],
    ['encryption', (bytes: Buffer) => bytes.writeUInt32BE(2, 32)],
    ['encryption', (bytes: Buffer) => bytes.writeUInt32BE(0x0537be77, 112)],
    ['dirty bit', (bytes: Buffer) => bytes.writeBigUInt64BE(1n, 72)],
    ['corrupt bit', (bytes: Buffer) => bytes.writeBigUInt64BE(2n, 72)],
    ['external data file', (bytes: Buffer) => bytes.writeBigUInt64BE(4n, 72)],
    ['unknown compression', (bytes: Buffer) => bytes.writeUInt8(2, 104)],
    ['incompatible feature bit 5', (bytes: Buffer) => bytes.writeBigUInt64BE(1n << 5n, 72)],
    ['incompatible feature bit 63', (bytes: Buffer) => bytes.writeBigUInt64BE(1n << 63n, 72)],
  ])('refuses by name: %s', (feature, change) => {
    expect(() => header(change)).toThrow(
      expect.objectContaining({ name: 'UnsupportedDisk', features: [feature] }),
    );
  });

  it('names everything that it refuses at once', () => {
    expect(() =>
      header((bytes) => {
        bytes.writeBigUInt64BE(200n, 8);
        bytes.writeBigUInt64BE(3n, 72);
      }),
    ).toThrow(new UnsupportedDisk(['backing file', 'dirty bit', 'corrupt bit']));
  });

  it('calls an unknown feature as the image does, without what could forge a message', () => {
    const extensions = [namesTable(9, 'time travel\n\u001b[31m')];

    expect(() => header((bytes) => bytes.writeBigUInt64BE(1n << 9n, 72), { extensions })).toThrow(
      expect.objectContaining({ features: ['incompatible feature time travel???31m'] }),
    );
  });

  it.each([
    ['clusters that are too small', (bytes: Buffer) => bytes.writeUInt32BE(8, 20)],
    ['clusters that are too large', (bytes: Buffer) => bytes.writeUInt32BE(22, 20)],
    ['a header that is too short', (bytes: Buffer) => bytes.writeUInt32BE(103, 100)],
    ['a header larger than its cluster', (bytes: Buffer) => bytes.writeUInt32BE(65_537, 100)],
    ['a header extension that is too long', (bytes: Buffer) => bytes.fill(0x7f, 112, 120)],
    ['a compression type without its bit', (bytes: Buffer) => bytes.writeUInt8(1, 104)],
    ['a compression bit without its type', (bytes: Buffer) => bytes.writeBigUInt64BE(8n, 72)],
    ['a disk beyond 2^53 bytes', (bytes: Buffer) => bytes.writeBigUInt64BE(1n << 53n, 24)],
    ['an L1 table above 32 MiB', (bytes: Buffer) => bytes.writeUInt32BE(2 ** 22 + 1, 36)],
    ['an L1 table too small for the disk', (bytes: Buffer) => bytes.writeUInt32BE(0, 36)],
    ['an L1 table that is unaligned', (bytes: Buffer) => bytes.writeBigUInt64BE(65_537n, 40)],
    ['an L1 table in the header', (bytes: Buffer) => bytes.writeBigUInt64BE(0n, 40)],
    ['an L1 table past the end', (bytes: Buffer) => bytes.writeBigUInt64BE(1n << 40n, 40)],
  ])('does not believe %s', (_, change) => {
    expect(() => header(change)).toThrow(CorruptDisk);
  });

  it('does not believe subclusters of less than 512 bytes', () => {
    expect(() => header((bytes) => bytes.writeBigUInt64BE(16n, 72), { clusterBits: 13 })).toThrow(
      CorruptDisk,
    );
  });

  it('does not believe files that end inside the header', () => {
    const bytes = image();
    for (const length of [4, 71, 72, 103]) {
      expect(() => readHeader(bytes.subarray(0, length), length)).toThrow(CorruptDisk);
    }
  });
});
