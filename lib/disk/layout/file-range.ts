import { InvalidInput } from '../../errors.ts';

/** Throws InvalidInput unless `[offset, offset + length)` lies in the file. */
export function checkFileRange(offset: number, length: number, fileSizeBytes: number): void {
  const inside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= fileSizeBytes;
  if (!inside) {
    throw new InvalidInput(
      `The range of ${length} bytes at byte ${offset} does not lie in an image file of ${fileSizeBytes} bytes.`,
    );
  }
}
