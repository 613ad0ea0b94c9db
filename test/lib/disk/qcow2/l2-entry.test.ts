import { describe, expect, it } from 'vitest';
import { CorruptDisk } from '../../../../lib/disk/errors.ts';
import {
  readClusterEntry,
  storedSubclusters,
  type EntryFormat,
} from '../../../../lib/disk/qcow2/l2-entry.ts';

const format: EntryFormat = { version: 3, clusterSizeBytes: 65_536, extendedL2: false };

function read(entry: bigint, changed: Partial<EntryFormat> = {}): unknown {
  const high = Number(entry >> 32n);
  const low = Number(entry & 0xffff_ffffn);
  return readClusterEntry(high, low, { ...format, ...changed }, 0);
}

describe('readClusterEntry', () => {
  it('reads a cluster with and without the copied flag, and ignores reserved bits', () => {
    const plain = { kind: 'plain', host: 0x12_3456_0000 };

    expect(read(0x12_3456_0000n)).toEqual(plain);
    expect(read((1n << 63n) | 0x12_3456_0000n)).toEqual(plain);
    expect(read((0x3fn << 56n) | 0x12_3456_0000n | 0x1fen)).toEqual(plain);
  });

  it('reads offsets up to bit 55 exactly', () => {
    expect(read((1n << 55n) | (1n << 16n))).toEqual({ kind: 'plain', host: 2 ** 55 + 65_536 });
  });

  it('reads holes and zero clusters, with and without a place in the file', () => {
    expect(read(0n)).toEqual({ kind: 'hole' });
    expect(read(1n << 63n)).toEqual({ kind: 'hole' });
    expect(read(1n)).toEqual({ kind: 'hole' });
    expect(read(65_537n)).toEqual({ kind: 'hole' });
  });

  it('finds a zero cluster in version 2, and an unaligned cluster, corrupt', () => {
    expect(() => read(1n, { version: 2 })).toThrow(CorruptDisk);
    expect(() => read(65_536n + 512n)).toThrow(CorruptDisk);
  });

  it('leaves it to the bitmap of extended entries what is zero', () => {
    expect(read(65_537n, { extendedL2: true })).toEqual({ kind: 'plain', host: 65_536 });
  });

  it.each([
    [512, 61],
    [65_536, 54],
    [2 ** 21, 49],
  ])('reads compressed clusters of %i bytes: sectors from bit %i on', (clusterSizeBytes, x) => {
    const entry = (1n << 62n) | (1n << BigInt(x)) | 1234n;

    expect(read(entry, { clusterSizeBytes })).toEqual({
      kind: 'compressed',
      host: 1234,
      hostLength: 1024 - (1234 % 512),
    });
    expect(read((1n << 62n) | 1234n, { clusterSizeBytes })).toMatchObject({
      hostLength: 512 - (1234 % 512),
    });
  });
});

describe('storedSubclusters', () => {
  it('gives those that are allocated', () => {
    expect(storedSubclusters(0xffff_0000, 0x0000_ffff, true, 0)).toBe(0xffff);
    expect(storedSubclusters(0xffff_ffff, 0, false, 0)).toBe(0);
  });

  it('does not believe one that is both stored and zero, or stored nowhere', () => {
    expect(() => storedSubclusters(0x8000_0000, 0x8000_0000, true, 0)).toThrow(CorruptDisk);
    expect(() => storedSubclusters(0, 1, false, 0)).toThrow(CorruptDisk);
  });
});
