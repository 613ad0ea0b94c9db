import { createReadStream } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { decodeStream } from '../../../lib/disk/decode-stream.ts';
import { openDisk } from '../../../lib/disk/open-disk.ts';
import { NotStreamable } from '../../../lib/disk/errors.ts';
import { collect } from './support/collect.ts';
import { FileSource } from './support/file-source.ts';
import {
  describeWithQemu,
  qemuImg,
  qemuIo,
  qemuMap,
  temporaryDirectory,
  type MapEntry,
} from './support/qemu.ts';
import { Random } from './support/random.ts';

const mebibyte = 2 ** 20;
const pieceBytes = 2 ** 16;
/** A multiple of 512 bytes, as QEMU wants it, and of nothing else. */
const diskBytes = 6 * mebibyte + 5 * 512;

/** A disk with text, noise, zeros that are stored, and holes. */
function sampleDisk(): Buffer {
  const random = new Random(7);
  const disk = Buffer.alloc(diskBytes);
  for (let offset = 0; offset < diskBytes; ) {
    const length = Math.min(diskBytes - offset, 4096 * (1 + random.below(100)));
    const kind = random.below(4);
    if (kind === 0) disk.set(random.bytes(length), offset);
    else if (kind === 1) disk.fill(`line ${offset} of a log\n`, offset, offset + length);
    offset += length;
  }
  disk.set(random.bytes(700), diskBytes - 700);
  return disk;
}

/** Images that `qemu-img convert` wrote: the kind that Nova's snapshots are, and that one pass must be able to read. */
const converted: Record<string, string[]> = {
  'the default': [],
  'version 2': ['-o', 'compat=0.10'],
  'clusters of 512 bytes': ['-o', 'cluster_size=512'],
  'clusters of 4 KiB, version 2': ['-o', 'cluster_size=4k,compat=0.10'],
  'clusters of 256 KiB': ['-o', 'cluster_size=256k'],
  'clusters of 2 MiB': ['-o', 'cluster_size=2M'],
  'extended L2 entries': ['-o', 'extended_l2=on'],
  'extended L2 entries with clusters of 16 KiB': ['-o', 'extended_l2=on,cluster_size=16k'],
  'extended L2 entries with clusters of 2 MiB': ['-o', 'extended_l2=on,cluster_size=2M'],
  deflate: ['-c'],
  'deflate, version 2': ['-c', '-o', 'compat=0.10'],
  'deflate, clusters of 512 bytes': ['-c', '-o', 'cluster_size=512'],
  'deflate, clusters of 2 MiB': ['-c', '-o', 'cluster_size=2M'],
  zstd: ['-c', '-o', 'compression_type=zstd'],
  'zstd, clusters of 4 KiB': ['-c', '-o', 'compression_type=zstd,cluster_size=4k'],
  'zstd with extended L2 entries': ['-c', '-o', 'compression_type=zstd,extended_l2=on'],
  'writes out of order': ['-W', '-m', '16'],
  'compressed, writes out of order': ['-W', '-c', '-m', '16'],
  'refcounts of 1 bit': ['-o', 'refcount_bits=1'],
  'zeros written out': ['-S', '0'],
  'lazy refcounts': ['-o', 'lazy_refcounts=on'],
};

const preallocated: Record<string, string[]> = {
  'metadata preallocated': ['-o', 'preallocation=metadata'],
  'space preallocated': ['-o', 'preallocation=falloc'],
};

describeWithQemu('images that qemu-img made', () => {
  const directory = temporaryDirectory();
  const disk = sampleDisk();
  beforeAll(() => writeFile(directory.path('disk.raw'), disk));

  for (const [kind, options] of Object.entries({ ...converted, ...preallocated })) {
    it(`are read by ranges and in one pass: ${kind}`, async () => {
      const path = directory.path(`${kind}.qcow2`);
      await qemuImg(
        'convert',
        '-f',
        'raw',
        '-O',
        'qcow2',
        ...options,
        directory.path('disk.raw'),
        path,
      );

      await using source = await FileSource.open(path);
      const opened = await openDisk(source, 'qcow2');
      expect(opened.guestSizeBytes).toBe(diskBytes);
      const ranged = await collect(
        opened.readRange(0, diskBytes, { pieceBytes }),
        0,
        diskBytes,
        pieceBytes,
      );
      expect(ranged.bytes.equals(disk)).toBe(true);
      if (kind in converted) expect(ranged.holes).toEqual(holesOf(await qemuMap(path)));

      const decoded = await decodeStream(createReadStream(path), {
        declaredFormat: 'qcow2',
        fileSizeBytes: source.sizeBytes,
        pieceBytes,
        // What is written in order needs none; compression runs in parallel, and ends out of order.
        lookAsideBytes: options.includes('-c') || options.includes('-W') ? 4 * mebibyte : 0,
      });
      expect(decoded).toMatchObject({ format: 'qcow2', guestSizeBytes: diskBytes });
      const streamed = await collect(decoded.pieces, 0, diskBytes, pieceBytes);
      expect(streamed.bytes.equals(disk)).toBe(true);
      expect(streamed.holes).toEqual(ranged.holes);
    });
  }

  for (const options of [
    '',
    'extended_l2=on',
    'cluster_size=4k',
    'compat=0.10',
    'cluster_size=2M',
    'compression_type=zstd',
  ]) {
    it(`are read after random writes, discards and zeroing: ${options || 'the default'}`, async () => {
      const path = directory.path('used.qcow2');
      await qemuImg(
        'create',
        '-q',
        '-f',
        'qcow2',
        ...(options === '' ? [] : ['-o', options]),
        path,
        `${diskBytes}`,
      );
      await qemuIo(path, ...randomUse(new Random(options.length)));
      await qemuImg('snapshot', '-c', 'earlier', path);
      await qemuIo(path, ...randomUse(new Random(options.length + 1)));
      const flat = directory.path('flat.raw');
      await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', path, flat);

      await using source = await FileSource.open(path);
      const opened = await openDisk(source, 'qcow2');
      const { bytes, holes } = await collect(
        opened.readRange(0, diskBytes, { pieceBytes }),
        0,
        diskBytes,
        pieceBytes,
      );
      expect(bytes.equals(await readFile(flat))).toBe(true);
      expect(holes).toEqual(holesOf(await qemuMap(path)));
      await onePassOrNot(path, source.sizeBytes, bytes);
    });
  }

  it('are read at every size of disk', async () => {
    for (const size of [0, 512, 65_024, 65_536, 66_048, 5 * mebibyte - 512]) {
      const raw = directory.path('sized.raw');
      const path = directory.path('sized.qcow2');
      await writeFile(raw, disk.subarray(diskBytes - size));
      await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', raw, path);
      await using source = await FileSource.open(path);
      const opened = await openDisk(source, 'qcow2');
      expect(opened.guestSizeBytes).toBe(size);
      const { bytes } = await collect(
        opened.readRange(0, size, { pieceBytes }),
        0,
        size,
        pieceBytes,
      );
      expect(bytes.equals(disk.subarray(diskBytes - size))).toBe(true);
    }
  });

  it('are read where they are 2 TiB large and nearly empty', async () => {
    const path = directory.path('large.qcow2');
    const size = 2 * 2 ** 40;
    await qemuImg('create', '-q', '-f', 'qcow2', path, '2T');
    await qemuIo(path, 'write -P 1 0 4k', 'write -P 2 1T 64k', 'write -P 3 2199023190016 64k');
    await using source = await FileSource.open(path);
    const opened = await openDisk(source, 'qcow2');
    const large = 8 * mebibyte;
    const data: number[] = [];
    for await (const piece of opened.readRange(0, size, { pieceBytes: large })) {
      if (piece.bytes !== null) data.push(piece.offset);
    }
    expect(data).toEqual([0, 2 ** 40, size - large]);
    const last = await collect(
      opened.readRange(size - large, size, { pieceBytes: large }),
      size - large,
      size,
      large,
    );
    expect(last.bytes.subarray(-65_536).every((byte) => byte === 3)).toBe(true);
  });

  it('are refused by name where they need more than themselves', async () => {
    const base = directory.path('base.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', base, '1M');
    const refusals: [string[], RegExp][] = [
      [['-b', base, '-F', 'qcow2'], /backing file/],
      [['-o', `data_file=${directory.path('data')},data_file_raw=on`], /external data file/],
      [
        ['--object', 'secret,id=key,data=abc', '-o', 'encrypt.format=aes,encrypt.key-secret=key'],
        /encryption/,
      ],
    ];
    for (const [options, feature] of refusals) {
      const path = directory.path('refused.qcow2');
      await qemuImg('create', '-q', '-f', 'qcow2', ...options, path, '1M');
      await using source = await FileSource.open(path);
      await expect(openDisk(source, 'qcow2')).rejects.toMatchObject({
        name: 'UnsupportedDisk',
        message: expect.stringMatching(feature) as string,
      });
    }
  });

  it('are refused while their refcounts are marked dirty', async () => {
    const path = directory.path('dirty.qcow2');
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', 'lazy_refcounts=on', path, '1M');
    // qemu-io that ends without closing the image leaves it as a crash does.
    await qemuIo(path, 'write 0 64k', 'abort').catch(() => undefined);
    await using source = await FileSource.open(path);
    await expect(openDisk(source, 'qcow2')).rejects.toMatchObject({ features: ['dirty bit'] });
  });

  it('are read to the data that QEMU reads, or refused, after single bits of their tables flip', async () => {
    const random = new Random(11);
    const path = directory.path('flipped.qcow2');
    const flat = directory.path('flipped.raw');
    const sound = await (async () => {
      const raw = directory.path('small.raw');
      await writeFile(raw, disk.subarray(0, mebibyte));
      await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '-o', 'cluster_size=4k', raw, path);
      return readFile(path);
    })();
    const l1Offset = Number(sound.readBigUInt64BE(40));
    for (let turn = 0; turn < 12; turn += 1) {
      const flipped = Buffer.from(sound);
      const l2Offset = Number(sound.readBigUInt64BE(l1Offset) & 0x00ff_ffff_ffff_fe00n);
      const at = random.pick([24, l1Offset, l2Offset]) + random.below(64);
      flipped[at]! ^= 1 << random.below(8);
      await writeFile(path, flipped);
      const theirs = await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', path, flat).then(
        () => readFile(flat),
        () => undefined,
      );
      await using source = await FileSource.open(path);
      const ours = await (async () => {
        const opened = await openDisk(source, 'qcow2');
        const { guestSizeBytes } = opened;
        return collect(
          opened.readRange(0, guestSizeBytes, { pieceBytes }),
          0,
          guestSizeBytes,
          pieceBytes,
        );
      })().catch((error: unknown) => error);
      if (ours instanceof Error) expect(ours.name).toMatch(/^(CorruptDisk|UnsupportedDisk)$/);
      else if (theirs !== undefined)
        expect(theirs.equals((ours as { bytes: Buffer }).bytes.subarray(0, theirs.length))).toBe(
          true,
        );
    }
  });
});

/** Pieces without data, as `qemu-img map` sees them. */
function holesOf(map: readonly MapEntry[]): number[] {
  const withData = new Set<number>();
  for (const { start, length, data } of map) {
    if (!data) continue;
    const first = Math.floor(start / pieceBytes) * pieceBytes;
    for (let offset = first; offset < start + length; offset += pieceBytes) withData.add(offset);
  }
  const holes: number[] = [];
  for (let offset = 0; offset < diskBytes; offset += pieceBytes) {
    if (!withData.has(offset)) holes.push(offset);
  }
  return holes;
}

function randomUse(random: Random): string[] {
  return Array.from({ length: 40 }, () => {
    const length = 512 * (1 + random.below(400));
    const offset = 512 * random.below((diskBytes - length) / 512);
    const cluster = 65_536 * random.below(Math.floor(diskBytes / 65_536));
    return random.pick([
      `write -P ${1 + random.below(255)} ${offset} ${length}`,
      `write -P ${1 + random.below(255)} ${offset} ${length}`,
      `write -z ${offset} ${length}`,
      `write -z -u ${offset} ${length}`,
      `discard ${cluster} 64k`,
      ...(cluster % (2 * mebibyte) === 0 ? [] : [`discard ${offset} ${length}`]),
    ]);
  });
}

/** An image that was written in no order is read in one pass rightly, or not at all. */
async function onePassOrNot(path: string, fileSizeBytes: number, disk: Buffer): Promise<void> {
  for (const lookAsideBytes of [0, 64 * mebibyte]) {
    const file = await open(path);
    const decoded = await decodeStream(file.createReadStream(), {
      declaredFormat: 'qcow2',
      fileSizeBytes,
      pieceBytes,
      lookAsideBytes,
    });
    const outcome = await collect(decoded.pieces, 0, disk.length, pieceBytes).catch(
      (error: unknown) => error,
    );
    if (lookAsideBytes === 0 && outcome instanceof NotStreamable) continue;
    expect(outcome).toMatchObject({ holes: expect.any(Array) as number[] });
    expect((outcome as { bytes: Buffer }).bytes.equals(disk)).toBe(true);
  }
}
