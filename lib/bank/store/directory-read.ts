import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './directory-errors.ts';
import { ObjectNotFound, RangeOutsideObject } from './errors.ts';
import type { ByteRange } from './object-store.ts';

/** The object's bytes, or those of the range; exactly as many as were asked for. */
export async function readObject(
  root: string,
  key: string,
  range: ByteRange | undefined,
): Promise<Uint8Array> {
  const { handle, sizeBytes } = await openObject(root, key);
  try {
    const { offset, length } = range ?? { offset: 0, length: sizeBytes };
    const tooShort = () =>
      new RangeOutsideObject(
        `${key} in ${root} has ${sizeBytes} bytes; ${length} at offset ${offset} were to be read.`,
        { identifiers: { key, offset, length, sizeBytes } },
      );
    if (offset + length > sizeBytes) throw tooShort();
    // Not from the pool, which a small object that is kept would hold as a whole.
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw tooShort();
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

async function openObject(
  root: string,
  key: string,
): Promise<{ handle: FileHandle; sizeBytes: number }> {
  try {
    const handle = await open(join(root, key), 'r');
    const status = await handle.stat();
    if (status.isFile()) return { handle, sizeBytes: status.size };
    await handle.close();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  throw new ObjectNotFound(`No object ${key} in ${root}.`, { identifiers: { key } });
}
