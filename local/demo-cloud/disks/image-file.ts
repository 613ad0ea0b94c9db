import { createHash } from 'node:crypto';
import { type FileHandle, open, truncate } from 'node:fs/promises';

/** What Glance knows of an image's bytes once it has them all. */
export interface Digest {
  sizeBytes: number;
  md5: string;
  sha512: string;
}

const readBytes = 4 * 1024 * 1024;

/** Writes the bytes as they come and digests them on the way. The file is whole only if this resolves. */
export async function writeImageFile(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Digest> {
  const md5 = createHash('md5');
  const sha512 = createHash('sha512');
  let sizeBytes = 0;
  await using file = await open(path, 'w');
  for await (const piece of bytes) {
    md5.update(piece);
    sha512.update(piece);
    await writeFully(file, piece, sizeBytes);
    sizeBytes += piece.length;
  }
  return { sizeBytes, md5: md5.digest('hex'), sha512: sha512.digest('hex') };
}

/** Digests a file that was not written from its beginning to its end. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<Digest> {
  const md5 = createHash('md5');
  const sha512 = createHash('sha512');
  const buffer = Buffer.allocUnsafe(readBytes);
  let sizeBytes = 0;
  await using file = await open(path, 'r');
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, sizeBytes);
    if (bytesRead === 0) break;
    md5.update(buffer.subarray(0, bytesRead));
    sha512.update(buffer.subarray(0, bytesRead));
    sizeBytes += bytesRead;
  }
  return { sizeBytes, md5: md5.digest('hex'), sha512: sha512.digest('hex') };
}

/** The virtual size that Glance finds in the file: of a qcow2 file its header's, of a raw file its length, else unknown. */
export async function virtualSizeOf(path: string, diskFormat: string): Promise<number | null> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  if (diskFormat === 'raw') return size;
  const header = Buffer.alloc(32);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  const qcow2 = bytesRead === 32 && header.toString('latin1', 0, 4) === 'QFI\xfb';
  return diskFormat === 'qcow2' && qcow2 ? Number(header.readBigUInt64BE(24)) : null;
}

/** Writes a raw image: the pieces where they belong, and nothing where they are zero. */
export async function writeRawFile(
  path: string,
  guestSizeBytes: number,
  pieces: AsyncIterable<{ offset: number; bytes: Uint8Array | null }>,
): Promise<void> {
  await using file = await open(path, 'w');
  for await (const { offset, bytes } of pieces) {
    if (bytes !== null && !isZero(bytes)) await writeFully(file, bytes, offset);
  }
  await truncate(path, guestSizeBytes);
}

export async function writeFully(file: FileHandle, bytes: Uint8Array, offset: number) {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}

const zeros = Buffer.alloc(1024 * 1024);

export function isZero(bytes: Uint8Array): boolean {
  for (let start = 0; start < bytes.length; start += zeros.length) {
    const part = bytes.subarray(start, start + zeros.length);
    if (zeros.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
