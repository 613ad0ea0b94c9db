import { createReadStream } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeStream } from '../../lib/disk/decode-stream.ts';
import type { ByteSource, ChunkMap, DiskPiece } from '../../lib/disk/disk.ts';
import { isAllZero } from '../../lib/disk/is-all-zero.ts';
import { openDisk } from '../../lib/disk/open-disk.ts';
import { qcow2Layout } from '../../lib/disk/qcow2-layout.ts';
import { buildQcow2, type ClusterSpec } from '../lib/disk/support/build-qcow2.ts';
import { FileSource } from '../lib/disk/support/file-source.ts';

/**
 * `node test/bench/disk.bench.ts [MiB]`: how fast image files are read and written by guest address, from the page cache. The data is
 * this node's own binary, over and over. MB/s of guest data by the clock, the same per second of CPU (all threads), and the peak of
 * resident memory so far.
 */
const mebibyte = 2 ** 20;
const sizeBytes = Number(process.argv[2] ?? 1024) * mebibyte;
const pieceBytes = 2 ** 18;
const lookAsideBytes = 64 * mebibyte;
const sample = (await readFile(process.execPath)).subarray(0, 64 * mebibyte);

const directory = await mkdtemp(join(tmpdir(), 'snapbank-bench-'));
try {
  await writeImages();
  await readPlain('raw', 'disk.raw');
  await readPlain('qcow2', 'disk.qcow2');
  for (const compression of ['deflate', 'zstd'] as const) await readCompressed(compression);
  await measure('zero test of 256 KiB chunks, zeros', sizeBytes, testForZeros);
  await measureEmptyDisk();
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function writeImages(): Promise<void> {
  const raw = await open(join(directory, 'disk.raw'), 'w');
  for (let done = 0; done < sizeBytes; done += sample.length) {
    await raw.write(sample.subarray(0, sizeBytes - done));
  }
  await raw.close();

  const map: ChunkMap = {
    guestSizeBytes: sizeBytes,
    chunkSizeBytes: pieceBytes,
    chunksPerSegment: 4096,
    nonHoleCount: (segment) => Math.min(4096, sizeBytes / pieceBytes - segment * 4096),
    bitmap: async (segment) =>
      new Uint8Array(Math.min(4096, sizeBytes / pieceBytes - segment * 4096) / 8).fill(255),
  };
  const layout = qcow2Layout(map);
  await measure('qcow2 layout, extents alone', sizeBytes, async () => {
    for await (const _ of layout.extents(0, layout.fileSizeBytes));
  });
  const file = await open(join(directory, 'disk.qcow2'), 'w');
  for await (const extent of layout.extents(0, layout.fileSizeBytes)) {
    if (extent.kind === 'bytes') await file.write(extent.bytes);
    if (extent.kind !== 'chunk') continue;
    const from = (extent.chunk * pieceBytes + extent.start) % sample.length;
    await file.write(sample.subarray(from, from + extent.length));
  }
  await file.close();
}

async function readPlain(format: string, name: string): Promise<void> {
  const path = join(directory, name);
  const source = await FileSource.open(path);
  await measure(`${format} by ranges`, sizeBytes, () => readByRanges(source, format));
  await source[Symbol.asyncDispose]();
  await measure(`${format} in one pass`, sizeBytes, async () => {
    const { pieces } = await decodeStream(createReadStream(path, { highWaterMark: mebibyte }), {
      declaredFormat: format,
      fileSizeBytes: source.sizeBytes,
      pieceBytes,
      lookAsideBytes,
    });
    return take(pieces);
  });
}

async function readCompressed(compression: 'deflate' | 'zstd'): Promise<void> {
  const guestSizeBytes = Math.min(sizeBytes, 256 * mebibyte);
  const clusters = Array.from({ length: guestSizeBytes / 65_536 }, (_, index): ClusterSpec => {
    const from = (index * 65_536) % sample.length;
    return { kind: 'compressed', bytes: sample.subarray(from, from + 65_536) };
  });
  const { bytes } = buildQcow2({ clusterBits: 16, guestSizeBytes, compression, clusters });
  const source: ByteSource = {
    sizeBytes: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
  await measure(`${compression} by ranges`, guestSizeBytes, () => readByRanges(source, 'qcow2'));
  await measure(`${compression} in one pass`, guestSizeBytes, async () => {
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    }
    const { pieces } = await decodeStream(stream(), {
      declaredFormat: 'qcow2',
      fileSizeBytes: bytes.length,
      pieceBytes,
      lookAsideBytes,
    });
    return take(pieces);
  });
}

async function measureEmptyDisk(): Promise<void> {
  const { bytes } = buildQcow2({ clusterBits: 16, guestSizeBytes: 2 ** 41, clusters: [] });
  const source: ByteSource = {
    sizeBytes: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
  await measure('empty qcow2 of 2 TiB by ranges', 2 ** 41, () => readByRanges(source, 'qcow2'));
}

async function testForZeros(): Promise<void> {
  const chunk = new Uint8Array(pieceBytes);
  for (let done = 0; done < sizeBytes; done += pieceBytes) {
    if (!isAllZero(chunk)) throw new Error('zeros are not zeros');
  }
}

async function readByRanges(source: ByteSource, format: string): Promise<void> {
  const disk = await openDisk(source, format);
  await take(disk.readRange(0, disk.guestSizeBytes, { pieceBytes }));
}

async function take(pieces: AsyncIterable<DiskPiece>): Promise<void> {
  for await (const _ of pieces);
}

async function measure(name: string, bytes: number, run: () => Promise<void>): Promise<void> {
  const cpuBefore = process.cpuUsage();
  const before = process.hrtime.bigint();
  await run();
  const seconds = Number(process.hrtime.bigint() - before) / 1e9;
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpuSeconds = (user + system) / 1e6;
  const rate = (time: number): string => `${Math.round(bytes / 1e6 / time)} MB/s`.padStart(12);
  const peakMebibytes = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${name.padEnd(40)}${rate(seconds)}${rate(cpuSeconds)} per CPU second${String(peakMebibytes).padStart(6)} MiB peak`,
  );
}
