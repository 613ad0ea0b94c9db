import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { clusterInflater } from '../../../../lib/disk/qcow2/inflate-cluster.ts';
import { Random } from '../support/random.ts';

const random = new Random(5);
const cluster = Buffer.concat([random.bytes(3000), Buffer.alloc(4096 - 3000, 'text ')]);
const compress = {
  deflate: (bytes: Uint8Array) => deflateRawSync(bytes, { windowBits: 12 }),
  zstd: (bytes: Uint8Array) => zstdCompressSync(bytes),
};

describe.each(['deflate', 'zstd'] as const)('clusterInflater of %s', (compression) => {
  const inflate = clusterInflater(compression, cluster.length);
  const stored = compress[compression](cluster);

  it('inflates a cluster, whatever shares its last sector', async () => {
    for (const after of [Buffer.alloc(0), Buffer.alloc(300), stored, random.bytes(500)]) {
      expect(cluster.equals(await inflate(Buffer.concat([stored, after]), 0))).toBe(true);
    }
  });

  it.each([
    ['garbage', random.bytes(2000)],
    ['nothing', Buffer.alloc(0)],
    ['data that is cut off', stored.subarray(0, 1500)],
    ['less than a cluster', compress[compression](cluster.subarray(1))],
    ['more than a cluster', compress[compression](Buffer.concat([cluster, cluster]))],
  ])('finds %s corrupt', async (_, bytes) => {
    await expect(inflate(bytes, 77)).rejects.toMatchObject({
      name: 'CorruptDisk',
      identifiers: { fileOffset: 77 },
    });
  });

  it('inflates of a bomb no more than it needs to know', async () => {
    const bomb = compress[compression](Buffer.alloc(2 ** 24));

    await expect(inflate(bomb, 77)).rejects.toMatchObject({
      name: 'CorruptDisk',
      cause: { code: 'ERR_BUFFER_TOO_LARGE' },
    });
  });
});

it('inflates a deflate stream without its end mark, as QEMU does', async () => {
  const content = random.bytes(4096);
  // Stored blocks, flushed and not finished.
  const stored = deflateRawSync(content, { finishFlush: constants.Z_SYNC_FLUSH });

  expect(content.equals(await clusterInflater('deflate', 4096)(stored, 0))).toBe(true);
});

it('joins zstd frames, and skips those that hold nothing', async () => {
  const skippable = Buffer.alloc(12);
  skippable.writeUInt32LE(0x184d2a50, 0);
  skippable.writeUInt32LE(4, 4);
  const stored = Buffer.concat([
    zstdCompressSync(cluster.subarray(0, 100)),
    skippable,
    zstdCompressSync(cluster.subarray(100)),
  ]);

  expect(cluster.equals(await clusterInflater('zstd', 4096)(stored, 0))).toBe(true);
});

it.each([
  ['skippable frames', Buffer.from('502a4d1800000000', 'hex')],
  ['frames that hold nothing', zstdCompressSync(Buffer.alloc(0))],
])('is not held up by a cluster of hundreds of thousands of %s', async (_, frame) => {
  const clusterBytes = 2 ** 21;
  const mostStoredBytes = 2 ** 22;
  const frames = Buffer.alloc(Math.floor(mostStoredBytes / frame.length) * frame.length, frame);
  const began = process.cpuUsage();

  await expect(clusterInflater('zstd', clusterBytes)(frames, 77)).rejects.toMatchObject({
    name: 'CorruptDisk',
  });

  const { user, system } = process.cpuUsage(began);
  expect(user + system).toBeLessThan(2e6);
});

it('refuses a zstd frame that wants more memory than a decoder must have', async () => {
  const stored = zstdCompressSync(Buffer.alloc(4096, 1), {
    params: { [constants.ZSTD_c_contentSizeFlag]: 0 },
  });
  // The window descriptor follows the magic and the frame header descriptor where the frame is not a single segment.
  const widened = Buffer.from(stored);
  expect(widened.readUInt8(4) & 0x20).toBe(0);
  widened.writeUInt8(((27 - 10) << 3) & 0xff, 5);

  await expect(clusterInflater('zstd', 4096)(widened, 0)).rejects.toMatchObject({
    name: 'CorruptDisk',
  });
});
