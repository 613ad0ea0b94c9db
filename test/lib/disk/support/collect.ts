import type { DiskPiece } from '../../../../lib/disk/disk.ts';

export interface Collected {
  bytes: Buffer;
  /** Addresses of the pieces that were holes. */
  holes: number[];
}

/** Gathers pieces, and throws unless they cover `[start, end)` in ascending order without gaps. */
export async function collect(
  pieces: AsyncIterable<DiskPiece>,
  start: number,
  end: number,
  pieceBytes: number,
): Promise<Collected> {
  const bytes = Buffer.alloc(end - start);
  const holes: number[] = [];
  let expected = start;
  for await (const piece of pieces) {
    const length = Math.min(pieceBytes, end - expected);
    if (piece.offset !== expected || piece.length !== length) {
      throw new Error(`piece of ${piece.length} at ${piece.offset}, not ${length} at ${expected}`);
    }
    if (piece.bytes === null) holes.push(piece.offset);
    else if (piece.bytes.length === length) bytes.set(piece.bytes, expected - start);
    else throw new Error(`piece with ${piece.bytes.length} bytes, not ${length}`);
    expected += length;
  }
  if (expected !== end) throw new Error(`pieces end at ${expected}, not ${end}`);
  return { bytes, holes };
}
