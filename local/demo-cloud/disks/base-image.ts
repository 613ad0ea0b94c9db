import { type FileHandle, open } from 'node:fs/promises';

import type { ByteSource, Disk } from '../../../lib/disk/disk.ts';
import { openDisk } from '../../../lib/disk/open-disk.ts';

/** The image that disks were made from, read by guest address. It stays readable after the image is deleted, until all release it. */
export class BaseImage {
  readonly disk: Disk;
  readonly #file: FileHandle;
  #holders = 1;

  private constructor(file: FileHandle, disk: Disk) {
    this.#file = file;
    this.disk = disk;
  }

  /** Held once. */
  static async open(path: string, diskFormat: string | null): Promise<BaseImage> {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      return new BaseImage(file, await openDisk(new FileSource(file, size), diskFormat));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  hold(): this {
    this.#holders += 1;
    return this;
  }

  async release(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders === 0) await this.#file.close();
  }
}

class FileSource implements ByteSource {
  readonly #file: FileHandle;
  readonly sizeBytes: number;

  constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#file.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) {
        throw new RangeError(`the image file ends before byte ${offset + length}`);
      }
      done += bytesRead;
    }
    return bytes;
  }
}
