import { type FileHandle, open } from 'node:fs/promises';

import { isZero, writeFully } from './image-file.ts';

const clusterBytes = 64 * 1024;
const entriesPerTable = clusterBytes / 8;
/** Clusters whose 16-bit reference counts fill one refcount block. */
const clustersPerBlock = clusterBytes / 2;
const copiedFlag = 1n << 63n;
const headerBytes = 112;

/**
 * Writes a qcow2 file (version 3, 64 KiB clusters) in the order of `qemu-img convert`: header, refcount table, first refcount block,
 * L1, then each L2 table before its data, all ascending; zero clusters are left out. Each further refcount block lies at the beginning
 * of the 2 GiB that it counts. The pieces are ascending and their offsets multiples of the cluster size.
 */
export async function writeQcow2File(
  path: string,
  guestSizeBytes: number,
  pieces: AsyncIterable<{ offset: number; bytes: Uint8Array | null }>,
): Promise<void> {
  await using file = await open(path, 'w');
  const writer = new Qcow2Writer(file, guestSizeBytes);
  for await (const { offset, bytes } of pieces) {
    if (bytes !== null) await writer.add(offset, bytes);
  }
  await writer.finish();
}

class Qcow2Writer {
  readonly #file: FileHandle;
  readonly #guestSizeBytes: number;
  readonly #l1: Buffer;
  readonly #l1Entries: number;
  readonly #tableClusters: number;
  readonly #l1Cluster: number;
  #next: number;
  #table: { index: number; cluster: number; entries: Buffer } | undefined;

  constructor(file: FileHandle, guestSizeBytes: number) {
    this.#file = file;
    this.#guestSizeBytes = guestSizeBytes;
    this.#l1Entries = Math.ceil(guestSizeBytes / (clusterBytes * entriesPerTable));
    const l1Clusters = Math.max(1, Math.ceil(this.#l1Entries / entriesPerTable));
    // 8000 of the 8192 entries of each cluster: the others count the L2 tables and the blocks themselves.
    this.#tableClusters = Math.ceil((guestSizeBytes / clusterBytes + 1) / clustersPerBlock / 8000);
    this.#l1 = Buffer.alloc(l1Clusters * clusterBytes);
    this.#l1Cluster = 2 + this.#tableClusters;
    this.#next = this.#l1Cluster + l1Clusters;
  }

  async add(offset: number, bytes: Uint8Array): Promise<void> {
    let run = { cluster: 0, start: 0, end: 0 };
    for (let at = 0; at < bytes.length; at += clusterBytes) {
      const end = Math.min(at + clusterBytes, bytes.length);
      if (isZero(bytes.subarray(at, end))) continue;
      const cluster = await this.#map((offset + at) / clusterBytes);
      const follows = at === run.end && cluster === run.cluster + (at - run.start) / clusterBytes;
      if (!follows) {
        await this.#write(run, bytes);
        run = { cluster, start: at, end: at };
      }
      run.end = end;
    }
    await this.#write(run, bytes);
  }

  async finish(): Promise<void> {
    await this.#finishTable();
    await writeFully(this.#file, this.#l1, this.#l1Cluster * clusterBytes);
    await this.#writeRefcounts();
    await writeFully(this.#file, this.#header(), 0);
    await this.#file.truncate(this.#next * clusterBytes);
  }

  /** Where the guest's cluster goes, entered in its L2 table; a new table takes the place before it. */
  async #map(guestCluster: number): Promise<number> {
    const index = Math.floor(guestCluster / entriesPerTable);
    if (this.#table?.index !== index) {
      await this.#finishTable();
      this.#table = { index, cluster: this.#allocate(), entries: Buffer.alloc(clusterBytes) };
    }
    const cluster = this.#allocate();
    this.#table.entries.writeBigUInt64BE(
      entryOf(cluster),
      (guestCluster - index * entriesPerTable) * 8,
    );
    return cluster;
  }

  #allocate(): number {
    if (this.#next % clustersPerBlock === 0) this.#next += 1;
    const cluster = this.#next;
    this.#next += 1;
    return cluster;
  }

  async #finishTable(): Promise<void> {
    if (this.#table === undefined) return;
    await writeFully(this.#file, this.#table.entries, this.#table.cluster * clusterBytes);
    this.#l1.writeBigUInt64BE(entryOf(this.#table.cluster), this.#table.index * 8);
  }

  async #write(run: { cluster: number; start: number; end: number }, bytes: Uint8Array) {
    const part = bytes.subarray(run.start, run.end);
    await writeFully(this.#file, part, run.cluster * clusterBytes);
  }

  async #writeRefcounts(): Promise<void> {
    const table = Buffer.alloc(this.#tableClusters * clusterBytes);
    for (let start = 0; start < this.#next; start += clustersPerBlock) {
      const blockCluster = start === 0 ? 1 + this.#tableClusters : start;
      table.writeBigUInt64BE(BigInt(blockCluster * clusterBytes), (start / clustersPerBlock) * 8);
      const used = Math.min(this.#next - start, clustersPerBlock);
      const block = Buffer.alloc(clusterBytes);
      for (let one = 0; one < used; one += 1) block.writeUInt16BE(1, one * 2);
      await writeFully(this.#file, block, blockCluster * clusterBytes);
    }
    await writeFully(this.#file, table, clusterBytes);
  }

  #header(): Buffer {
    const features = featureNames();
    const header = Buffer.alloc(headerBytes + 8 + features.length + 8);
    header.write('QFI\xfb', 0, 'latin1');
    header.writeUInt32BE(3, 4);
    header.writeUInt32BE(Math.log2(clusterBytes), 20);
    header.writeBigUInt64BE(BigInt(this.#guestSizeBytes), 24);
    header.writeUInt32BE(this.#l1Entries, 36);
    header.writeBigUInt64BE(BigInt(this.#l1Cluster * clusterBytes), 40);
    header.writeBigUInt64BE(BigInt(clusterBytes), 48);
    header.writeUInt32BE(this.#tableClusters, 56);
    const refcountOrder = 4;
    header.writeUInt32BE(refcountOrder, 96);
    header.writeUInt32BE(headerBytes, 100);
    const featureNameTable = 0x6803f857;
    header.writeUInt32BE(featureNameTable, headerBytes);
    header.writeUInt32BE(features.length, headerBytes + 4);
    features.copy(header, headerBytes + 8);
    return header;
  }
}

function entryOf(cluster: number): bigint {
  return BigInt(cluster * clusterBytes) | copiedFlag;
}

/** The table of feature names that qemu puts into every header: 48 bytes each, of type, bit and name. */
function featureNames(): Buffer {
  const names: readonly (readonly [type: number, bit: number, name: string])[] = [
    [0, 0, 'dirty bit'],
    [0, 1, 'corrupt bit'],
    [0, 2, 'external data file'],
    [0, 3, 'compression type'],
    [0, 4, 'extended L2 entries'],
    [1, 0, 'lazy refcounts'],
    [2, 0, 'bitmaps'],
    [2, 1, 'raw external data'],
  ];
  const table = Buffer.alloc(names.length * 48);
  for (const [index, [type, bit, name]] of names.entries()) {
    table[index * 48] = type;
    table[index * 48 + 1] = bit;
    table.write(name, index * 48 + 2, 'latin1');
  }
  return table;
}
