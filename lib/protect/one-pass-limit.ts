import { ImageTooLarge } from './errors.ts';

/** What one function moves at least in a second between a cloud and a store that are worth the trouble; 65 to 71 MB is usual on Lambda. */
const BYTES_PER_SECOND = 60e6;

/** What would pass through one worker, from its first byte to its last. */
export interface OnePass {
  imageId: string;
  sizeBytes: number;
  /** Why it cannot be done in pieces, and what can be done about it. */
  because: string;
}

/** Throws `ImageTooLarge`, before anything is read, where the worker's time does not suffice. */
export function requireTimeForOnePass(
  { imageId, sizeBytes, because }: OnePass,
  remainingMilliseconds: number,
): void {
  if (sizeBytes <= (remainingMilliseconds / 1000) * BYTES_PER_SECOND) return;
  throw new ImageTooLarge(
    `Image ${imageId} has ${String(sizeBytes)} bytes, and one pass over them takes longer than this function may run: ${because}`,
    { identifiers: { imageId, sizeBytes } },
  );
}
