import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KINDS } from './kinds.ts';
import { memoryPlaces } from '../lib/bank/a-bank.ts';
import type { BankPlaces } from '../../lib/bank/places.ts';

/** A bank of this format as it was written once, with what opens it and what must come out. */
export interface GoldenBank {
  /** Text of the key file, or null. */
  secretKey: string | null;
  passphrase: string | null;
  checkpoints: { checkpoint: string; sizeBytes: number; sha256: string; merkleRoot: string }[];
  /** Base64 of all objects. */
  bank: Record<string, string>;
  register: Record<string, string>;
}

export type GoldenKind = (typeof KINDS)[number];

export function goldenFile(kind: GoldenKind): string {
  return join(import.meta.dirname, `version-1-${kind}.json`);
}

export function readGoldenBank(kind: GoldenKind): GoldenBank {
  return JSON.parse(readFileSync(goldenFile(kind), 'utf8')) as GoldenBank;
}

export function objectsOf(stored: Record<string, string>): Map<string, Uint8Array> {
  return new Map(
    Object.entries(stored).map(([key, text]) => [key, Buffer.from(text, 'base64')]),
  );
}

/** The bank in memory, to be read and written. */
export async function placesOf({ bank, register }: GoldenBank): Promise<BankPlaces> {
  const places = memoryPlaces();
  for (const [key, bytes] of objectsOf(bank)) await places.bank.put(key, bytes);
  for (const [key, bytes] of objectsOf(register)) await places.register.put(key, bytes);
  return places;
}
