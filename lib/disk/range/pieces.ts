import type { DiskPiece } from '../disk.ts';

/** Guest addresses with their bytes. */
export interface Filled {
  readonly guest: number;
  readonly bytes: Uint8Array;
}

/** Guest addresses `[start, end)`; all that `filled` (ascending, apart) leaves out is a hole. */
export interface FilledStretch {
  readonly start: number;
  readonly end: number;
  readonly filled: readonly Filled[];
}

/**
 * Cuts a stretch into pieces. A piece that one run of bytes covers is a view of it; one that is partly hole is filled up with zeros.
 */
export function* pieces(
  { start, end, filled }: FilledStretch,
  pieceBytes: number,
): Generator<DiskPiece, void, undefined> {
  let first = 0;
  for (let offset = start; offset < end; offset += pieceBytes) {
    const length = Math.min(pieceBytes, end - offset);
    let next = first;
    while (next < filled.length && filled[next]!.guest < offset + length) next += 1;
    const within = filled.slice(first, next);
    yield { offset, length, bytes: within.length === 0 ? null : join(within, offset, length) };
    // The last one may reach into the next piece.
    const last = within.at(-1);
    first =
      last !== undefined && last.guest + last.bytes.length > offset + length ? next - 1 : next;
  }
}

function join(within: readonly Filled[], offset: number, length: number): Uint8Array {
  const [only] = within;
  if (
    only !== undefined &&
    only.guest <= offset &&
    only.guest + only.bytes.length >= offset + length
  ) {
    return only.bytes.subarray(offset - only.guest, offset - only.guest + length);
  }
  const piece = Buffer.alloc(length);
  for (const { guest, bytes } of within) {
    const from = Math.max(0, offset - guest);
    const to = Math.min(bytes.length, offset + length - guest);
    piece.set(bytes.subarray(from, to), guest + from - offset);
  }
  return piece;
}
