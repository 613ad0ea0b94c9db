import { diskFormatOf } from './disk-format.ts';
import type { DiskFormat, DiskPiece } from './disk.ts';
import { checkPieceBytes } from './range/read-range.ts';
import { ByteStream } from './stream/byte-stream.ts';
import { plainPieces } from './stream/plain-stream.ts';
import { openQcow2Stream } from './stream/qcow2-stream.ts';

export interface DecodeStreamOptions {
  /** Glance's disk_format; all but raw and qcow2 is opaque. */
  declaredFormat: string | null;
  /** Size of the image file; a stream that is shorter or longer is an error. */
  fileSizeBytes: number;
  /** Size of the pieces that are handed out, a power of two; the bank's chunk size. */
  pieceBytes: number;
  /** Most of the file that is held back until its guest address is due. */
  lookAsideBytes: number;
  signal?: AbortSignal;
}

export interface DecodedStream {
  format: DiskFormat;
  guestSizeBytes: number;
  /** Ascending, without gaps; to be iterated once. The stream is read to its very end before they end. */
  pieces: AsyncIterable<DiskPiece>;
}

/**
 * Reads an image file in one pass, from a stream that cannot be read twice. The stream is closed when the pieces end, fail or are left,
 * and when this call throws.
 *
 * A qcow2 image can be read so when it lies in the file as `qemu-img convert` writes it: header and L1 table first, each L2 table
 * before its data, data in guest order but for what the look-aside buffer takes up. Otherwise the pieces throw NotStreamable, and the
 * image has to be read again from its start with `declaredFormat: null`. Also thrown: what openDisk throws.
 */
export async function decodeStream(
  stream: AsyncIterable<Uint8Array>,
  options: DecodeStreamOptions,
): Promise<DecodedStream> {
  const { declaredFormat, fileSizeBytes, pieceBytes, signal } = options;
  const format = diskFormatOf(declaredFormat);
  const bytes = new ByteStream(stream, fileSizeBytes, signal);
  try {
    checkPieceBytes(pieceBytes);
    if (format !== 'qcow2') {
      return { format, guestSizeBytes: fileSizeBytes, pieces: plainPieces(bytes, pieceBytes) };
    }
    return { format, ...(await openQcow2Stream(bytes, options)) };
  } catch (error) {
    await bytes.close();
    throw error;
  }
}
