import { InvalidInput } from '../../errors.ts';
import type { ByteSource, Disk, DiskFormat, DiskPiece, ReadRangeOptions } from '../disk.ts';
import { batches } from './batches.ts';
import type { Stretch } from './extent.ts';
import { fill, inflationsAtOnce } from './fill.ts';
import { createLimit } from './limit.ts';
import { orderedMap } from './ordered-map.ts';
import { pieces } from './pieces.ts';
import { limitedReads, type ReadBytes } from './read-bytes.ts';
import { readStored } from './read-stored.ts';

const mebibyte = 2 ** 20;
/** With the unit that fills it up, a batch is one read of 8 to 16 MiB where the file is in order. */
const batchDataBytes = 8 * mebibyte;
/** A nearly empty disk still is many batches, so that their few reads run side by side. */
const batchSpanBytes = 256 * mebibyte;
const mostPieceBytes = 8 * mebibyte;
const defaultInFlight = 6;

/** Where the guest addresses of a disk lie in its image file. */
export interface AddressMap {
  readonly format: DiskFormat;
  readonly guestSizeBytes: number;
  /** The format's own unit, a power of two. */
  readonly clusterSizeBytes: number;
  /** Stretches that cover `[start, end)` in ascending order; those with extents do not cross multiples of `unitBytes`. */
  stretches(
    start: number,
    end: number,
    unitBytes: number,
    read: ReadBytes,
    signal: AbortSignal,
  ): AsyncGenerator<Stretch, void, undefined>;
}

/** A disk whose image file is read at any offset. */
export function diskOf(source: ByteSource, map: AddressMap): Disk {
  const { format, guestSizeBytes } = map;
  return {
    format,
    guestSizeBytes,
    readRange(start, end, options) {
      checkRange(start, end, options, guestSizeBytes);
      return readRange(source, map, start, end, options);
    },
  };
}

/** Holds at most `inFlight` + 1 batches of 8 to 16 MiB, whatever the range. */
async function* readRange(
  source: ByteSource,
  map: AddressMap,
  start: number,
  end: number,
  { pieceBytes, inFlight = defaultInFlight, signal }: ReadRangeOptions,
): AsyncGenerator<DiskPiece, void, undefined> {
  const read = limitedReads(source, inFlight);
  const limitInflations = createLimit(inflationsAtOnce);
  const unitBytes = Math.max(pieceBytes, map.clusterSizeBytes);
  const loaded = orderedMap(
    (signal) =>
      batches(map.stretches(start, end, unitBytes, read, signal), {
        unitBytes,
        dataBytes: batchDataBytes,
        spanBytes: batchSpanBytes,
      }),
    async (batch, signal) =>
      fill(batch, await readStored(batch.extents, read, signal), limitInflations),
    { ahead: inFlight, signal },
  );
  for await (const batch of loaded) yield* pieces(batch, pieceBytes);
}

function checkRange(
  start: number,
  end: number,
  { pieceBytes, inFlight = defaultInFlight }: ReadRangeOptions,
  guestSizeBytes: number,
): void {
  checkPieceBytes(pieceBytes);
  if (!Number.isSafeInteger(inFlight) || inFlight < 1) {
    throw new InvalidInput(`Reads in flight must be at least 1, not ${inFlight}.`);
  }
  const inside =
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    0 <= start &&
    start <= end &&
    end <= guestSizeBytes;
  const aligned = start % pieceBytes === 0 && (end % pieceBytes === 0 || end === guestSizeBytes);
  if (!inside || !aligned) {
    throw new InvalidInput(
      `The range ${start} to ${end} of a disk of ${guestSizeBytes} bytes must lie on the disk and on multiples of ${pieceBytes} bytes.`,
    );
  }
}

/** Throws InvalidInput unless pieces of this size can be handed out: a power of two from 512 bytes to 8 MiB. */
export function checkPieceBytes(pieceBytes: number): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(pieceBytes));
  if (!isPowerOfTwo || pieceBytes < 512 || pieceBytes > mostPieceBytes) {
    throw new InvalidInput(
      `The piece size must be a power of two from 512 to ${mostPieceBytes} bytes, not ${pieceBytes}.`,
    );
  }
}
