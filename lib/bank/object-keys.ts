import { randomBytes } from 'node:crypto';

/** 64 random bits that make the names of an attempt's objects new for ever. */
export function newAttempt(): string {
  return randomBytes(8).toString('hex');
}

export const BANK_FILE_KEY = 'bank.json';
/** Of the register. */
export const HOME_KEY = 'home.json';

export function keyRingPrefix(bankId: string): string {
  return `keys/${bankId}/`;
}

export function keyRingKey(bankId: string, generation: number): string {
  return `${keyRingPrefix(bankId)}${String(generation).padStart(10, '0')}`;
}

export function rootKey(checkpoint: string, attempt: string): string {
  return `roots/${checkpoint}-${attempt}`;
}

/** One attempt to write one segment. */
export interface SegmentAttempt {
  checkpoint: string;
  disk: number;
  segment: number;
  attempt: string;
}

export function segmentKey({ checkpoint, disk, segment, attempt }: SegmentAttempt): string {
  return `segments/${checkpoint}/${disk}-${segment}-${attempt}`;
}

export function packKey({ checkpoint, disk, segment, attempt }: SegmentAttempt, n: number): string {
  return `packs/${checkpoint}/${disk}-${segment}-${attempt}-${n}`;
}

export function receiptPrefix(checkpoint: string, imageId: string): string {
  return `receipts/${checkpoint}/${imageId}/`;
}

export function receiptKey(
  checkpoint: string,
  imageId: string,
  disk: number,
  segment: number,
): string {
  return `${receiptPrefix(checkpoint, imageId)}${disk}-${segment}`;
}
