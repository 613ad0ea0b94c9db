import type { ByteSource } from '../../../../lib/disk/disk.ts';

/** An image file in memory that checks how it is read: inside its bounds, and never on after an abort. */
export class MemorySource implements ByteSource {
  readonly #bytes: Uint8Array;
  reads: { offset: number; length: number }[] = [];
  underWay = 0;
  mostUnderWay = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  get bytesRead(): number {
    return this.reads.reduce((sum, read) => sum + read.length, 0);
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    if (
      !Number.isSafeInteger(offset) ||
      !Number.isSafeInteger(length) ||
      offset < 0 ||
      length <= 0 ||
      offset + length > this.#bytes.length
    ) {
      throw new RangeError(`read outside the file: ${length} bytes at ${offset}`);
    }
    this.reads.push({ offset, length });
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    await new Promise((resolve) => setImmediate(resolve));
    this.underWay -= 1;
    signal?.throwIfAborted();
    return this.#bytes.slice(offset, offset + length);
  }
}

/** The bytes as a stream, in chunks of the given sizes over and over. */
export async function* streamOf(
  bytes: Uint8Array,
  chunkSizes: readonly number[] = [65_536],
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn += 1) {
    const size = Math.max(1, chunkSizes[turn % chunkSizes.length]!);
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}
