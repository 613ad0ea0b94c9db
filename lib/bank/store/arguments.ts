import { InvalidInput } from '../../errors.ts';
import type { ByteRange, Part } from './object-store.ts';

/** Most bytes of a key. Two places below one bucket prefix still fit into the 1,024 of S3. */
const MAX_KEY_BYTES = 512;
/** Most bytes of a file name on the usual file systems. */
const MAX_SEGMENT_BYTES = 255;
/** Most parts of an upload, a limit of S3. */
const MAX_PARTS = 10_000;

// No leading dot: `.` and `..` are out, and names with a dot are left to the store's own files and to the file system's.
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Whether the text may be a key. What is not one is never written, and left out of lists. */
export function isKey(text: string): boolean {
  return (
    text.length <= MAX_KEY_BYTES &&
    text.split('/').every((segment) => segment.length <= MAX_SEGMENT_BYTES && SEGMENT.test(segment))
  );
}

/** Throws `InvalidInput` unless `isKey`. Keys also come out of manifests, which are hostile input. */
export function validateKey(key: string): void {
  if (!isKey(key)) {
    throw new InvalidInput(
      `${quoted(key)} is no key: segments of A-Z a-z 0-9 . _ - joined by "/", none starting with a dot, at most ${MAX_KEY_BYTES} bytes.`,
    );
  }
}

/** A prefix is the beginning of a key: empty, whole segments, or cut anywhere. */
export function validatePrefix(prefix: string): void {
  const whole = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (prefix !== '' && !isKey(whole)) {
    throw new InvalidInput(`${quoted(prefix)} is not the beginning of a key.`);
  }
}

export function validateRange(range: ByteRange): void {
  const { offset, length } = range;
  if (
    !Number.isSafeInteger(offset) ||
    !Number.isSafeInteger(offset + length) ||
    offset < 0 ||
    length < 1
  ) {
    throw new InvalidInput(`A range of ${length} bytes at offset ${offset} cannot be read.`);
  }
}

export function validatePart(part: Part, body: Uint8Array): void {
  validatePartCount(part.number);
  if (!Number.isSafeInteger(part.offset) || part.offset < 0 || body.length === 0) {
    throw new InvalidInput(
      `Part ${part.number} of ${body.length} bytes at offset ${part.offset} cannot be written.`,
    );
  }
}

/** The highest part's number is their count. */
export function validatePartCount(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > MAX_PARTS) {
    throw new InvalidInput(`An upload has 1 to ${MAX_PARTS} parts; there is no part ${count}.`);
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
