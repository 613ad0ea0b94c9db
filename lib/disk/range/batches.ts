import { storedLength, type Extent, type Stretch } from './extent.ts';

export interface BatchLimits {
  /** A batch ends at a multiple of this, so that pieces and clusters are never cut in two. */
  unitBytes: number;
  /** A batch ends at the first unit with which it holds this much data (guest or stored bytes, whichever is more). */
  dataBytes: number;
  /** A batch with less data ends at the first unit with which it spans this many addresses. */
  spanBytes: number;
}

/** Gathers stretches (ascending, without gaps) into batches, each the work of about one large read. */
export async function* batches(
  stretches: AsyncIterable<Stretch>,
  limits: BatchLimits,
): AsyncGenerator<Stretch, void, undefined> {
  let start: number | undefined;
  let end = 0;
  let extents: Extent[] = [];
  let guestBytes = 0;
  let storedBytes = 0;
  for await (const stretch of stretches) {
    start ??= stretch.start;
    end = stretch.end;
    for (const extent of stretch.extents) {
      extents.push(extent);
      guestBytes += extent.length;
      storedBytes += storedLength(extent);
    }
    const full =
      Math.max(guestBytes, storedBytes) >= limits.dataBytes || end - start >= limits.spanBytes;
    if (full && end % limits.unitBytes === 0) {
      yield { start, end, extents };
      start = undefined;
      extents = [];
      guestBytes = 0;
      storedBytes = 0;
    }
  }
  if (start !== undefined) yield { start, end, extents };
}
