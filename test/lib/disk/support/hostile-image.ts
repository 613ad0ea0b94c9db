import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import { buildQcow2, type BuiltImage, type ClusterSpec } from './build-qcow2.ts';
import type { Random } from './random.ts';

/** An image such as QEMU could have written, of any of the kinds and orders that the format knows. */
export function randomImage(random: Random): BuiltImage {
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

/** A file under mutation, and where its tables lie. */
interface Target {
  file: Buffer;
  readonly image: BuiltImage;
  readonly clusterSize: number;
}

type Mutation = (target: Target, random: Random) => void;

/** Header extensions that mean something: bitmaps, encryption, data file, feature names, backing format. */
const extensionTypes = [0x23852875, 0x0537be77, 0x44415441, 0x6803f857, 0xe2792aca];

const mutations: readonly (readonly [weight: number, Mutation])[] = [
  [
    6,
    function headerField({ file }, random) {
      const [offset, size] = random.pick(headerFields);
      writeField(file, offset, size, interesting(file, size, random));
    },
  ],
  [
    2,
    function l1Entry({ file, image }, random) {
      const entry = image.l1Offset + 8 * random.below(Math.max(1, image.l1Entries));
      writeField(file, entry, 8, interesting(file, 8, random));
    },
  ],
  [
    7,
    function l2Entry(target, random) {
      const { file } = target;
      writeField(file, someL2Entry(target, random), 8, interesting(file, 8, random));
    },
  ],
  [
    2,
    function tableInAnotherPlace(target, random) {
      const { file, image } = target;
      const places = [0, image.l1Offset, ...image.l2Offsets];
      const entry = random.chance(0.5)
        ? image.l1Offset + 8 * random.below(Math.max(1, image.l1Entries))
        : someL2Entry(target, random);
      const compressed = random.chance(0.2) ? 1n << 62n : 0n;
      writeField(file, entry, 8, compressed | BigInt(random.pick(places)));
    },
  ],
  [
    1,
    function oneTableForAll(target, random) {
      // The disk grows to what the L1 table, read on into what follows it, can map.
      const { file, image, clusterSize } = target;
      const room = Math.min(512, (file.length - image.l1Offset) / 8);
      const entries = 1 + random.below(Math.max(1, room));
      const table = random.pick([image.l1Offset, ...image.l2Offsets]);
      for (let index = 0; index < entries; index += 1) {
        writeField(file, image.l1Offset + 8 * index, 8, BigInt(table));
      }
      writeField(file, 36, 4, BigInt(entries));
      writeField(file, 24, 8, BigInt(entries) * BigInt((clusterSize / 8) * clusterSize));
    },
  ],
  [
    2,
    function entryOfAnother(target, random) {
      const from = someL2Entry(target, random);
      target.file.copyWithin(someL2Entry(target, random), from, from + 8);
    },
  ],
  [
    3,
    function compressedData(target, random) {
      const entry = someCompressedEntry(target, random);
      if (entry === undefined) return;
      const { file, clusterSize } = target;
      const offsetBits = 70n - BigInt(Math.log2(clusterSize));
      const value = file.readBigUInt64BE(entry);
      const host = Number(value & ((1n << offsetBits) - 1n));
      if (random.chance(0.5)) {
        const at = host + random.below(random.chance(0.5) ? 16 : 512);
        writeField(file, at, 1, BigInt(random.below(256)));
      } else {
        const sectors = BigInt(random.below(2 ** (Math.log2(clusterSize) - 8)));
        writeField(file, entry, 8, (1n << 62n) | (sectors << offsetBits) | BigInt(host));
      }
    },
  ],
  [
    1,
    function bomb(target, random) {
      const { file, clusterSize } = target;
      const plain = Buffer.alloc(2 ** (12 + random.below(11)), random.below(256));
      const stored = random.chance(0.5) ? zstdCompressSync(plain) : deflateRawSync(plain);
      const host = Math.ceil(file.length / 512) * 512;
      const reaches = Math.floor((stored.length - 1) / 512);
      const sectors = BigInt(Math.min(reaches, 2 ** (Math.log2(clusterSize) - 8) - 1));
      const offsetBits = 70n - BigInt(Math.log2(clusterSize));
      target.file = Buffer.concat([file, Buffer.alloc(host - file.length), stored]);
      const entry = (1n << 62n) | (sectors << offsetBits) | BigInt(host);
      writeField(target.file, someL2Entry(target, random), 8, entry);
    },
  ],
  [
    2,
    function extension({ file, clusterSize }, random) {
      const isNew = file.length > 104 && file.readUInt32BE(4) === 3;
      const at = (isNew ? file.readUInt32BE(100) : 72) + random.pick([0, 0, 8, 16]);
      const type = random.chance(0.8) ? random.pick(extensionTypes) : random.word();
      const room = Math.max(0, clusterSize - at - 8);
      const length = random.pick([0, 1, 8, 48, 96, room, room + 1, 0xffff_ffff, random.word()]);
      writeField(file, at, 4, BigInt(type));
      writeField(file, at + 4, 4, BigInt(length));
      if (random.chance(0.5) && at + 8 < file.length) random.bytes(64).copy(file, at + 8);
    },
  ],
  [
    2,
    function bit({ file }, random) {
      const at = random.below(file.length);
      if (file.length > 0) file[at]! ^= 1 << random.below(8);
    },
  ],
  [
    2,
    function end(target, random) {
      const { file } = target;
      target.file = random.chance(0.7)
        ? file.subarray(0, random.below(file.length + 1))
        : Buffer.concat([file, random.bytes(random.below(4096))]);
    },
  ],
];

const drawn = mutations.flatMap(([weight, mutation]) => Array<Mutation>(weight).fill(mutation));

/** The image's file with up to three things wrong. */
export function mutate(image: BuiltImage, random: Random): Buffer {
  const target: Target = {
    file: Buffer.from(image.bytes),
    image,
    clusterSize: 2 ** image.bytes.readUInt32BE(20),
  };
  for (let left = random.below(4); left > 0; left -= 1) random.pick(drawn)(target, random);
  return target.file;
}

/** The file offset of an entry of an L2 table; most tables are filled at their start only. */
function someL2Entry({ image, clusterSize }: Target, random: Random): number {
  if (image.l2Offsets.length === 0) return image.l1Offset;
  const entries = random.chance(0.5) ? 32 : clusterSize / 8;
  return random.pick(image.l2Offsets) + 8 * random.below(Math.min(entries, clusterSize / 8));
}

function someCompressedEntry(target: Target, random: Random): number | undefined {
  const { file, image, clusterSize } = target;
  const found = image.l2Offsets.flatMap((table) =>
    Array.from({ length: Math.min(128, clusterSize / 8) }, (_, index) => table + 8 * index).filter(
      (at) => at + 8 <= file.length && file[at]! >> 6 === 1,
    ),
  );
  return found.length === 0 ? undefined : random.pick(found);
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
