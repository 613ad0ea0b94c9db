import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStream, type DecodedStream } from '../../../lib/disk/decode-stream.ts';
import { openDisk } from '../../../lib/disk/open-disk.ts';
import { buildQcow2, type ClusterSpec, type ImageSpec } from './support/build-qcow2.ts';
import { collect, type Collected } from './support/collect.ts';
import { MemorySource, streamOf } from './support/memory-source.ts';
import { Random } from './support/random.ts';

const pieceBytes = 2 ** 16;
const mebibyte = 2 ** 20;
const minimalLookAside = 0;

function decode(
  bytes: Buffer,
  declaredFormat: string | null,
  lookAsideBytes = minimalLookAside,
  stream: AsyncIterable<Uint8Array> = streamOf(bytes, [1, 70_000, 5, 65_536]),
): Promise<DecodedStream> {
  return decodeStream(stream, {
    declaredFormat,
    fileSizeBytes: bytes.length,
    pieceBytes,
    lookAsideBytes,
  });
}

async function readAll(...args: Parameters<typeof decode>): Promise<Collected> {
  const { guestSizeBytes, pieces } = await decode(...args);
  return collect(pieces, 0, guestSizeBytes, pieceBytes);
}

async function readByRanges(bytes: Buffer): Promise<Collected> {
  const disk = await openDisk(new MemorySource(bytes), 'qcow2');
  const { guestSizeBytes } = disk;
  return collect(disk.readRange(0, guestSizeBytes, { pieceBytes }), 0, guestSizeBytes, pieceBytes);
}

/** A disk of 4 KiB clusters, every fourth a hole. */
function image(
  count: number,
  changed: Partial<ImageSpec> = {},
  kind: 'plain' | 'compressed' = 'plain',
): Buffer {
  const random = new Random(count);
  const clusters = Array.from(
    { length: count },
    (_, index): ClusterSpec =>
      index % 4 === 3 ? { kind: 'hole' } : { kind, bytes: random.bytes(4096) },
  );
  return buildQcow2({ clusterBits: 12, guestSizeBytes: count * 4096, clusters, ...changed }).bytes;
}

const count = 3000;
const ascending = Array.from({ length: count }, (_, index) => index);

describe('decodeStream', () => {
  it('hands out a raw or opaque file as it comes', async () => {
    const bytes = new Random(1).bytes(300_001);
    for (const [declared, format] of [
      ['raw', 'raw'],
      ['vmdk', 'opaque'],
      [null, 'opaque'],
    ] as const) {
      const decoded = await decode(bytes, declared);
      expect(decoded).toMatchObject({ format, guestSizeBytes: bytes.length });
      expect((await readAll(bytes, declared)).bytes.equals(bytes)).toBe(true);
    }
    expect((await readAll(Buffer.alloc(0), 'raw')).bytes).toHaveLength(0);
  });

  it('reads a qcow2 image in the order that convert writes with next to no look-aside buffer', async () => {
    const bytes = image(count);
    const ranged = await readByRanges(bytes);
    const streamed = await readAll(bytes, 'qcow2');

    expect(streamed.bytes.equals(ranged.bytes)).toBe(true);
    expect(streamed.holes).toEqual(ranged.holes);
  });

  it('takes up a small disorder, and gives up on one that its buffer does not hold', async () => {
    const random = new Random(2);
    // Neighbours up to 64 clusters apart change places.
    const writeOrder = ascending
      .map((cluster) => ({ cluster, place: cluster + random.below(64) }))
      .sort((a, b) => a.place - b.place)
      .map(({ cluster }) => cluster);
    const bytes = image(count, { writeOrder });

    expect(
      (await readAll(bytes, 'qcow2', mebibyte)).bytes.equals((await readByRanges(bytes)).bytes),
    ).toBe(true);
    await expect(
      readAll(image(count, { writeOrder: ascending.toReversed() }), 'qcow2', mebibyte),
    ).rejects.toMatchObject({
      name: 'NotStreamable',
    });
  });

  it('counts in its buffer only what waits, however far it was written from its turn', async () => {
    // The last clusters of the disk come first, as a partition table's copy would.
    const writeOrder = [...ascending.slice(-20), ...ascending.slice(0, -20)];
    const bytes = image(count, { writeOrder });

    expect(
      (await readAll(bytes, 'qcow2', 2 ** 18)).bytes.equals((await readByRanges(bytes)).bytes),
    ).toBe(true);
  });

  it('takes up tables that come after their data, as far as its buffer goes', async () => {
    const bytes = image(100, { l2Place: 'end', l1Last: true });

    expect(
      (await readAll(bytes, 'qcow2', mebibyte)).bytes.equals((await readByRanges(bytes)).bytes),
    ).toBe(true);
    await expect(
      readAll(image(count, { l2Place: 'end' }), 'qcow2', mebibyte),
    ).rejects.toMatchObject({
      name: 'NotStreamable',
    });
  });

  it('keeps tables that come before their turn, whatever it drops meanwhile', async () => {
    const perTable = 512;
    // The second table comes first of all, and before its data much that nobody will ask for.
    const clusters = Array.from({ length: perTable + 100 }, (_, index): ClusterSpec => {
      if (index < perTable - 1) return { kind: 'zeroAllocated' };
      return index === perTable
        ? { kind: 'zero' }
        : { kind: 'plain', bytes: Buffer.alloc(4096, index) };
    });
    const order = clusters.map((_, index) => index);
    const { bytes } = buildQcow2({
      clusterBits: 12,
      guestSizeBytes: clusters.length * 4096,
      clusters,
      writeOrder: [perTable, ...order.filter((index) => index !== perTable)],
    });

    expect((await readAll(bytes, 'qcow2')).bytes.equals((await readByRanges(bytes)).bytes)).toBe(
      true,
    );
  });

  it('reads tables that are larger than what is looked at in one go', async () => {
    const clusterSize = 2 ** 17;
    const withData = new Set([0, 8191, 8192, 16_383, 16_384, 20_000]);
    const clusters = Array.from(
      { length: 20_001 },
      (_, index): ClusterSpec =>
        withData.has(index)
          ? { kind: 'plain', bytes: Buffer.alloc(clusterSize, 1 + (index % 255)) }
          : { kind: 'hole' },
    );
    const guestSizeBytes = clusters.length * clusterSize;
    const { bytes } = buildQcow2({ clusterBits: 17, guestSizeBytes, clusters });
    const disk = await openDisk(new MemorySource(bytes), 'qcow2');
    const { pieces } = await decodeStream(streamOf(bytes), {
      declaredFormat: 'qcow2',
      fileSizeBytes: bytes.length,
      pieceBytes: clusterSize,
      lookAsideBytes: 0,
    });

    const expected = [...withData].map((index) => [index * clusterSize, 1 + (index % 255)]);
    for (const read of [pieces, disk.readRange(0, guestSizeBytes, { pieceBytes: clusterSize })]) {
      const found: number[][] = [];
      for await (const piece of read) {
        if (piece.bytes !== null) found.push([piece.offset, piece.bytes.at(-1)!]);
      }
      expect(found).toEqual(expected);
    }
  });

  it('reads compressed clusters that share clusters of the file', async () => {
    for (const compression of ['deflate', 'zstd'] as const) {
      const bytes = image(500, { compression }, 'compressed');

      expect((await readAll(bytes, 'qcow2')).bytes.equals((await readByRanges(bytes)).bytes)).toBe(
        true,
      );
    }
  });

  it('reads subclusters, which are apart in one cluster of the file', async () => {
    const random = new Random(3);
    const clusters = Array.from({ length: 40 }, (): ClusterSpec => {
      const allocated = random.word();
      return { kind: 'subclusters', bytes: random.bytes(16_384), allocated, zeros: 0 };
    });
    const spec = { clusterBits: 14, guestSizeBytes: 40 * 16_384, extendedL2: true, clusters };
    const { bytes } = buildQcow2(spec);

    expect((await readAll(bytes, 'qcow2')).bytes.equals((await readByRanges(bytes)).bytes)).toBe(
      true,
    );
  });

  it('reads any image as by ranges, or says that it cannot', async () => {
    const specs = fc.record({
      seed: fc.nat(),
      clusterBits: fc.constantFrom(9, 12, 14, 16),
      disorder: fc.constantFrom(0, 8, 1000),
      l2Place: fc.constantFrom('before' as const, 'end' as const),
      lookAsideBytes: fc.constantFrom(0, 2 ** 18, 2 ** 26),
      chunk: fc.integer({ min: 1000, max: 200_000 }),
    });
    await fc.assert(
      fc.asyncProperty(
        specs,
        async ({ seed, clusterBits, disorder, l2Place, lookAsideBytes, chunk }) => {
          const random = new Random(seed);
          const size = 2 ** clusterBits;
          const clusters = Array.from(
            { length: Math.min(400, 2 ** 20 / size) },
            (): ClusterSpec => {
              const kind = random.pick([
                'plain',
                'plain',
                'compressed',
                'hole',
                'zero',
                'zeroAllocated',
              ] as const);
              return kind === 'plain' || kind === 'compressed'
                ? { kind, bytes: random.bytes(size) }
                : { kind };
            },
          );
          const writeOrder = clusters
            .map((_, cluster) => ({ cluster, place: cluster + random.below(disorder + 1) }))
            .sort((a, b) => a.place - b.place)
            .map(({ cluster }) => cluster);
          const guestSizeBytes = clusters.length * size - random.below(size);
          const { bytes } = buildQcow2({
            clusterBits,
            guestSizeBytes,
            clusters,
            writeOrder,
            l2Place,
          });
          const ranged = await readByRanges(bytes);
          const streamed = await readAll(
            bytes,
            'qcow2',
            lookAsideBytes,
            streamOf(bytes, [chunk]),
          ).catch((error: unknown) => error);

          if (streamed instanceof Error && lookAsideBytes < 2 ** 26) {
            expect(streamed.name).toBe('NotStreamable');
          } else {
            expect(streamed).toMatchObject({ holes: ranged.holes });
            expect((streamed as Collected).bytes.equals(ranged.bytes)).toBe(true);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('refuses streams that are shorter or longer than the file', async () => {
    for (const declared of ['raw', 'qcow2']) {
      const bytes = image(100);
      const short = streamOf(bytes.subarray(0, -1));
      const long = streamOf(Buffer.concat([bytes, Buffer.alloc(1)]));

      for (const stream of [short, long]) {
        await expect(readAll(bytes, declared, 0, stream)).rejects.toMatchObject({
          name: 'IncompleteImageRead',
        });
      }
    }
  });

  it('reads the stream to its end, also behind the last data', async () => {
    const bytes = Buffer.concat([image(100), Buffer.alloc(mebibyte, 7)]);
    let taken = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of streamOf(bytes)) {
        taken += chunk.length;
        yield chunk;
      }
    }
    await readAll(bytes, 'qcow2', 0, counted());

    expect(taken).toBe(bytes.length);
  });

  it.each(['raw', 'qcow2'])(
    'closes the stream of a %s image when it is left early',
    async (declared) => {
      const watched = new WatchedStream(image(count));
      const { pieces } = await decode(watched.bytes, declared, 0, watched);
      for await (const piece of pieces) if (piece.offset > 0) break;

      expect(watched.closed).toBe(true);
      expect(watched.taken).toBeLessThan(watched.bytes.length / 2);
    },
  );

  it('closes the stream when the header or an option is refused', async () => {
    const refused = Readable.from(streamOf(Buffer.alloc(100_000)));
    await expect(decode(Buffer.alloc(100_000), 'qcow2', 0, refused)).rejects.toMatchObject({
      name: 'DiskFormatMismatch',
    });
    expect(refused.destroyed).toBe(true);

    const unread = Readable.from(streamOf(Buffer.alloc(1)));
    const options = { declaredFormat: 'raw', fileSizeBytes: 1, pieceBytes: 3, lookAsideBytes: 0 };
    await expect(decodeStream(unread, options)).rejects.toMatchObject({ name: 'InvalidInput' });
    expect(unread.destroyed).toBe(true);
  });

  it('can be left while the source is stuck', async () => {
    const bytes = image(count);
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 4 * pieceBytes);
      await new Promise(() => undefined);
    }
    const { pieces } = await decode(bytes, 'qcow2', 0, stuck());
    for await (const piece of pieces) {
      expect(piece.offset).toBe(0);
      // What is read ahead gets to where the source is stuck.
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      break;
    }
  });

  it.each(['raw', 'qcow2'])(
    'stops at an abort, though the source of a %s image is stuck',
    async (declared) => {
      const bytes = image(count);
      const stop = new AbortController();
      async function* stuck(): AsyncGenerator<Uint8Array> {
        yield bytes.subarray(0, mebibyte);
        setImmediate(() => stop.abort(new Error('stopped')));
        await new Promise(() => undefined);
      }
      const { pieces } = await decodeStream(stuck(), {
        declaredFormat: declared,
        fileSizeBytes: bytes.length,
        pieceBytes,
        lookAsideBytes: 0,
        signal: stop.signal,
      });

      const read = async (): Promise<void> => {
        for await (const _ of pieces);
      };
      await expect(read()).rejects.toThrow('stopped');
    },
  );
});

/** A stream that knows how much of it was taken, and whether it was closed. */
class WatchedStream implements AsyncIterable<Uint8Array> {
  readonly bytes: Buffer;
  taken = 0;
  closed = false;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of streamOf(this.bytes)) {
        this.taken += chunk.length;
        yield chunk;
      }
    } finally {
      this.closed = true;
    }
  }
}
