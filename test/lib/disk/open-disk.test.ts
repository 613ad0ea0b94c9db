import { describe, expect, it } from 'vitest';
import { openDisk } from '../../../lib/disk/open-disk.ts';
import { buildQcow2, type ClusterSpec } from './support/build-qcow2.ts';
import { collect } from './support/collect.ts';
import { MemorySource } from './support/memory-source.ts';
import { Random } from './support/random.ts';

const pieceBytes = 4096;

async function readAll(
  bytes: Buffer,
  declaredFormat: string | null,
): Promise<{ bytes: Buffer; holes: number[] }> {
  const disk = await openDisk(new MemorySource(bytes), declaredFormat);
  const { guestSizeBytes } = disk;
  return collect(disk.readRange(0, guestSizeBytes, { pieceBytes }), 0, guestSizeBytes, pieceBytes);
}

describe('openDisk', () => {
  it.each([
    ['raw', 'raw'],
    ['vmdk', 'opaque'],
    ['vhdx', 'opaque'],
    ['vdi', 'opaque'],
    ['iso', 'opaque'],
    ['ami', 'opaque'],
    [null, 'opaque'],
  ])(
    'takes the bytes of a file that is declared %s for its addresses: %s',
    async (declared, format) => {
      const bytes = new Random(1).bytes(10_000);
      const disk = await openDisk(new MemorySource(bytes), declared);

      expect(disk).toMatchObject({ format, guestSizeBytes: 10_000 });
      expect((await readAll(bytes, declared)).bytes.equals(bytes)).toBe(true);
    },
  );

  it('never takes a raw disk for qcow2, whatever its guest wrote into it', async () => {
    const { bytes } = buildQcow2({ clusterBits: 12, guestSizeBytes: 4096, clusters: [] });
    const disk = await openDisk(new MemorySource(bytes), 'raw');

    expect(disk.format).toBe('raw');
    expect((await readAll(bytes, 'raw')).bytes.equals(bytes)).toBe(true);
  });

  it('refuses by name what is declared qcow2 and is not', async () => {
    for (const bytes of [Buffer.alloc(100_000), Buffer.from('QFI'), Buffer.alloc(0)]) {
      await expect(openDisk(new MemorySource(bytes), 'qcow2')).rejects.toMatchObject({
        name: 'DiskFormatMismatch',
      });
    }
  });

  it('opens an empty raw file and an empty qcow2 disk', async () => {
    const { bytes } = buildQcow2({ clusterBits: 16, guestSizeBytes: 0, clusters: [] });

    expect((await readAll(Buffer.alloc(0), 'raw')).bytes).toHaveLength(0);
    expect((await readAll(bytes, 'qcow2')).bytes).toHaveLength(0);
  });

  it('reads the header and the L1 table, and nothing else yet', async () => {
    const clusters = [{ kind: 'plain' as const, bytes: Buffer.alloc(65_536, 1) }];
    const { bytes } = buildQcow2({ clusterBits: 16, guestSizeBytes: 65_536, clusters });
    const source = new MemorySource(bytes);
    await openDisk(source, 'qcow2');

    expect(source.reads).toEqual([
      { offset: 0, length: 65_536 },
      { offset: 65_536, length: 8 },
    ]);
  });

  it('stops when the signal has aborted', async () => {
    const source = new MemorySource(
      buildQcow2({ clusterBits: 16, guestSizeBytes: 0, clusters: [] }).bytes,
    );

    await expect(
      openDisk(source, 'qcow2', AbortSignal.abort(new Error('stopped'))),
    ).rejects.toThrow('stopped');
  });

  it('reads every kind of cluster', async () => {
    const random = new Random(2);
    const clusterSize = 16_384;
    const content = Array.from({ length: 6 }, () => random.bytes(clusterSize));
    const clusters: ClusterSpec[] = [
      { kind: 'plain', bytes: content[0]! },
      { kind: 'hole' },
      { kind: 'compressed', bytes: content[2]! },
      { kind: 'zeroAllocated' },
      { kind: 'subclusters', bytes: content[4]!, allocated: 0x0000_0f01, zeros: 0xf000_0000 },
      { kind: 'zero' },
    ];
    const expected = Buffer.alloc(6 * clusterSize);
    expected.set(content[0]!, 0);
    expected.set(content[2]!, 2 * clusterSize);
    for (const index of [0, 8, 9, 10, 11]) {
      expected.set(
        content[4]!.subarray(index * 512, (index + 1) * 512),
        4 * clusterSize + index * 512,
      );
    }
    const { bytes } = buildQcow2({
      clusterBits: 14,
      guestSizeBytes: 6 * clusterSize,
      extendedL2: true,
      clusters,
    });

    const read = await readAll(bytes, 'qcow2');
    expect(read.bytes.equals(expected)).toBe(true);
    const holes = [4, 5, 6, 7, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23];
    expect(read.holes).toEqual(holes.map((piece) => piece * pieceBytes));
  });

  it('finds entries that lead out of the file corrupt', async () => {
    const clusters: ClusterSpec[] = [{ kind: 'plain', bytes: Buffer.alloc(4096, 1) }];
    const image = buildQcow2({ clusterBits: 12, guestSizeBytes: 4096, clusters });
    for (const [offset, entry] of [
      [image.l1Offset, 1n << 40n],
      [image.l1Offset, 4096n + 512n],
      [image.l2Offsets[0]!, 1n << 40n],
      [image.l2Offsets[0]!, (1n << 55n) | 4096n],
      [image.l2Offsets[0]!, 4096n + 512n],
      [image.l2Offsets[0]!, (1n << 62n) | (1n << 50n)],
    ] as const) {
      const bytes = Buffer.from(image.bytes);
      bytes.writeBigUInt64BE(entry, offset);
      await expect(readAll(bytes, 'qcow2')).rejects.toMatchObject({ name: 'CorruptDisk' });
    }
  });

  it('reads a file that ends with the last byte of the disk, and finds one that ends before it corrupt', async () => {
    const content = new Random(4).bytes(1000);
    const { bytes } = buildQcow2({
      clusterBits: 12,
      guestSizeBytes: 4096 + 1000,
      clusters: [{ kind: 'hole' }, { kind: 'plain', bytes: content }],
      cutTail: true,
    });

    expect((await readAll(bytes, 'qcow2')).bytes.subarray(4096).equals(content)).toBe(true);
    await expect(readAll(bytes.subarray(0, -1), 'qcow2')).rejects.toMatchObject({
      name: 'CorruptDisk',
      identifiers: { guestAddress: 4096 },
    });
  });
});
