import type { Settings } from '../settings.ts';
import { ImageTooLarge } from './errors.ts';

/** What would pass through one worker, from its first byte to its last. */
export interface OnePass {
  /** For people: `Image 24e… of server 7c1…`. */
  what: string;
  sizeBytes: number;
  /** Why it cannot be done in pieces, and what can be done about it. */
  because: string;
}

/** Throws `ImageTooLarge` before anything is read, where the worker's time would not suffice. */
export function refuseTooLarge({ onePassLimitBytes }: Settings, pass: OnePass): void {
  const { what, sizeBytes, because } = pass;
  if (onePassLimitBytes === null || sizeBytes <= onePassLimitBytes) return;
  throw new ImageTooLarge(
    `${what} has ${String(sizeBytes)} bytes, more than the ${String(onePassLimitBytes)} that one function moves in its time: ${because}`,
    { identifiers: { sizeBytes, onePassLimitBytes } },
  );
}
