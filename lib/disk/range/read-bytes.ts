import type { ByteSource } from '../disk.ts';
import { IncompleteImageRead } from '../errors.ts';
import { createLimit } from './limit.ts';

/** Exactly the bytes `[offset, offset + length)` of an image file. */
export type ReadBytes = (
  offset: number,
  length: number,
  signal?: AbortSignal,
) => Promise<Uint8Array>;

/** Reads of a source, at most `inFlight` under way at once, each held to its length. */
export function limitedReads(source: ByteSource, inFlight: number): ReadBytes {
  const limit = createLimit(inFlight);
  return (offset, length, signal) =>
    limit(async () => {
      if (length === 0) return new Uint8Array();
      signal?.throwIfAborted();
      const bytes = await source.read(offset, length, signal);
      if (bytes.length !== length) throw new IncompleteImageRead(offset, length, bytes.length);
      return bytes;
    });
}
