import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../../lib/errors.ts';
import type { ByteSource } from '../../../../lib/disk/disk.ts';
import { openDisk } from '../../../../lib/disk/open-disk.ts';
import { buildQcow2, type ClusterSpec } from '../support/build-qcow2.ts';
import { collect } from '../support/collect.ts';
import { MemorySource } from '../support/memory-source.ts';
import { Random } from '../support/random.ts';

const mebibyte = 2 ** 20;
const pieceBytes = 2 ** 18;
const options = { pieceBytes };

/** A qcow2 disk of 64 KiB clusters, of which `isData` says which hold data. */
function sparseImage(clusterCount: number, isData: (cluster: number) => boolean): Buffer {
  const clusters = Array.from(
    { length: clusterCount },
    (_, index): ClusterSpec =>
      isData(index)
        ? { kind: 'plain', bytes: Buffer.alloc(65_536, (index % 255) + 1) }
        : { kind: 'hole' },
  );
  return buildQcow2({ clusterBits: 16, guestSizeBytes: clusterCount * 65_536, clusters }).bytes;
}

describe('readRange', () => {
  it('reads a raw disk in runs of 8 to 16 MiB', async () => {
    const source = new MemorySource(new Random(1).bytes(40 * mebibyte + 123));
    const disk = await openDisk(source, 'raw');
    await collect(
      disk.readRange(0, disk.guestSizeBytes, options),
      0,
      disk.guestSizeBytes,
      pieceBytes,
    );

    expect(source.bytesRead).toBe(source.sizeBytes);
    for (const { length } of source.reads.slice(0, -1)) {
      expect(length).toBeGreaterThanOrEqual(8 * mebibyte);
      expect(length).toBeLessThanOrEqual(16 * mebibyte);
    }
  });

  it('reads a qcow2 disk in runs of 8 to 16 MiB too, across small holes of the guest', async () => {
    const source = new MemorySource(sparseImage(700, (cluster) => cluster % 3 !== 0));
    const disk = await openDisk(source, 'qcow2');
    const before = source.reads.length;
    await collect(
      disk.readRange(0, disk.guestSizeBytes, options),
      0,
      disk.guestSizeBytes,
      pieceBytes,
    );

    const reads = source.reads.slice(before + 1);
    expect(reads).toHaveLength(4);
    for (const { length } of reads.slice(0, -1))
      expect(length).toBeGreaterThanOrEqual(8 * mebibyte);
  });

  it('never reads what is a hole', async () => {
    const source = new MemorySource(sparseImage(4000, (cluster) => cluster === 3999));
    const disk = await openDisk(source, 'qcow2');
    const opened = source.bytesRead;
    const { holes } = await collect(
      disk.readRange(0, disk.guestSizeBytes, options),
      0,
      disk.guestSizeBytes,
      pieceBytes,
    );

    expect(holes).toHaveLength(999);
    // The L2 table and the one cluster.
    expect(source.bytesRead - opened).toBe(65_536 + 65_536);
  });

  it('reads of a range only what belongs to it', async () => {
    const source = new MemorySource(sparseImage(400, () => true));
    const disk = await openDisk(source, 'qcow2');
    const opened = source.bytesRead;
    const start = 8 * pieceBytes;
    const { bytes } = await collect(
      disk.readRange(start, start + 2 * pieceBytes, options),
      start,
      start + 2 * pieceBytes,
      pieceBytes,
    );

    expect(bytes[0]).toBe(33);
    expect(source.bytesRead - opened).toBe(65_536 + 2 * pieceBytes);
  });

  it('keeps an L2 table for the next range', async () => {
    const source = new MemorySource(sparseImage(64, () => true));
    const disk = await openDisk(source, 'qcow2');
    const range = (index: number) =>
      collect(
        disk.readRange(index * pieceBytes, (index + 1) * pieceBytes, options),
        index * pieceBytes,
        (index + 1) * pieceBytes,
        pieceBytes,
      );
    await range(0);
    const reads = source.reads.length;
    await range(1);

    expect(source.reads.length - reads).toBe(1);
  });

  it('has no more reads under way than it may, and uses them', async () => {
    const image = sparseImage(1000, (cluster) => cluster % 2 === 0);
    for (const inFlight of [1, 3]) {
      const source = new MemorySource(image);
      const disk = await openDisk(source, 'qcow2');
      await collect(
        disk.readRange(0, disk.guestSizeBytes, { pieceBytes, inFlight }),
        0,
        disk.guestSizeBytes,
        pieceBytes,
      );
      expect(source.mostUnderWay).toBe(inFlight);
    }
  });

  it('does not read on while the consumer is busy', async () => {
    const source = new MemorySource(Buffer.alloc(200 * mebibyte));
    const disk = await openDisk(source, 'raw');
    const range = disk.readRange(0, disk.guestSizeBytes, { pieceBytes, inFlight: 2 });
    const pieces = range[Symbol.asyncIterator]();
    await pieces.next();
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(source.bytesRead).toBe(3 * 8 * mebibyte);
    await pieces.return?.();
  });

  it('leaves nothing under way when the consumer stops early', async () => {
    const source = new MemorySource(Buffer.alloc(100 * mebibyte));
    const disk = await openDisk(source, 'raw');
    for await (const piece of disk.readRange(0, disk.guestSizeBytes, options)) {
      if (piece.offset > 0) break;
    }
    const reads = source.reads.length;

    expect(source.underWay).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.reads).toHaveLength(reads);
  });

  it('leaves nothing under way when the signal aborts', async () => {
    const source = new MemorySource(sparseImage(4000, (cluster) => cluster % 20 === 0));
    const disk = await openDisk(source, 'qcow2');
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      for await (const piece of disk.readRange(0, disk.guestSizeBytes, {
        pieceBytes,
        signal: stop.signal,
      })) {
        if (piece.offset > 0) stop.abort(new Error('stopped'));
      }
    };

    await expect(read()).rejects.toThrow('stopped');
    expect(source.underWay).toBe(0);
  });

  it.each(['table', 'data'])('aborts a %s read that would take for ever', async (stuck) => {
    const memory = new MemorySource(sparseImage(64, () => true));
    const l2Offset = 2 * 65_536;
    const stop = new AbortController();
    const source: ByteSource = {
      sizeBytes: memory.sizeBytes,
      read: async (offset, length, signal) => {
        const isStuck = stuck === 'table' ? offset === l2Offset : offset > l2Offset;
        if (!isStuck) return memory.read(offset, length, signal);
        setImmediate(() => stop.abort(new Error('stopped')));
        await once(signal!, 'abort');
        throw new Error('read aborted');
      },
    };
    const disk = await openDisk(source, 'qcow2');
    const range = disk.readRange(0, disk.guestSizeBytes, { pieceBytes, signal: stop.signal });

    await expect(collect(range, 0, disk.guestSizeBytes, pieceBytes)).rejects.toThrow('stopped');
  });

  it('ends with the error of a read that fails, and with nothing under way', async () => {
    const memory = new MemorySource(Buffer.alloc(64 * mebibyte));
    const source: ByteSource = {
      sizeBytes: memory.sizeBytes,
      read: async (offset, length, signal) => {
        const bytes = await memory.read(offset, length, signal);
        if (offset > 20 * mebibyte) throw new Error('connection lost');
        return bytes;
      },
    };
    const disk = await openDisk(source, 'raw');
    let pieces = 0;
    const read = async (): Promise<void> => {
      for await (const _ of disk.readRange(0, disk.guestSizeBytes, options)) pieces += 1;
    };

    await expect(read()).rejects.toThrow('connection lost');
    expect(pieces).toBe((24 * mebibyte) / pieceBytes);
    expect(memory.underWay).toBe(0);
  });

  it('refuses a source that gives fewer bytes than it was asked for', async () => {
    const source: ByteSource = {
      sizeBytes: mebibyte,
      read: async (_, length) => new Uint8Array(length - 1),
    };
    const disk = await openDisk(source, 'raw');

    await expect(
      collect(disk.readRange(0, mebibyte, options), 0, mebibyte, pieceBytes),
    ).rejects.toMatchObject({ name: 'IncompleteImageRead' });
  });

  it('refuses ranges that leave the disk or cut pieces', async () => {
    const disk = await openDisk(new MemorySource(Buffer.alloc(mebibyte + 10)), 'raw');
    for (const [start, end] of [
      [-pieceBytes, 0],
      [0, mebibyte + pieceBytes],
      [pieceBytes, 0],
      [1, mebibyte],
      [0, mebibyte + 1],
      [0, Number.NaN],
    ] as const) {
      expect(() => disk.readRange(start, end, options)).toThrow(InvalidInput);
    }
    for (const wrong of [
      { pieceBytes: 1000 },
      { pieceBytes: 0 },
      { pieceBytes: 2 ** 24 },
      { pieceBytes, inFlight: 0 },
    ]) {
      expect(() => disk.readRange(0, 0, wrong)).toThrow(InvalidInput);
    }
  });

  it('gives no pieces for an empty range', async () => {
    const disk = await openDisk(new MemorySource(Buffer.alloc(pieceBytes)), 'raw');

    expect(
      (
        await collect(
          disk.readRange(pieceBytes, pieceBytes, options),
          pieceBytes,
          pieceBytes,
          pieceBytes,
        )
      ).holes,
    ).toEqual([]);
  });

  it('inflates a cluster once that is larger than a piece', async () => {
    const random = new Random(3);
    const content = random.bytes(2 ** 16);
    const { bytes } = buildQcow2({
      clusterBits: 16,
      guestSizeBytes: 2 ** 16,
      clusters: [{ kind: 'compressed', bytes: content }],
    });
    const source = new MemorySource(bytes);
    const disk = await openDisk(source, 'qcow2');
    const reads = source.reads.length;
    const read = await collect(
      disk.readRange(4096, 2 ** 16, { pieceBytes: 4096 }),
      4096,
      2 ** 16,
      4096,
    );

    expect(read.bytes.equals(content.subarray(4096))).toBe(true);
    // The L2 table and the cluster.
    expect(source.reads.length - reads).toBe(2);
    const inflated = new Set<ArrayBufferLike | undefined>();
    for await (const { bytes } of disk.readRange(0, 2 ** 16, { pieceBytes: 4096 })) {
      inflated.add(bytes?.buffer);
    }
    expect(inflated.size).toBe(1);
  });
});
