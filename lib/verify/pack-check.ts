import type { Bank } from '../bank/bank.ts';
import type { PackRef } from '../bank/format/root.ts';
import { digestOf } from '../bank/object-ref.ts';
import { ObjectNotFound } from '../bank/store/errors.ts';
import type { VerifyLevel } from './request.ts';

/** A pack of at most so many bytes costs no more to read than to ask for. */
const CHEAP_BYTES = 2 ** 20;

export interface PackFault {
  readonly error: 'PackMissing' | 'ObjectDamaged';
  readonly message: string;
}

/**
 * What is wrong with a pack without reading it: gone, or of another size. Small ones are read whole and their digest compared, unless
 * their chunks will be read anyway.
 */
export async function findPackFault(
  bank: Bank,
  { key, sizeBytes, digest }: PackRef,
  level: VerifyLevel,
  signal: AbortSignal,
): Promise<PackFault | undefined> {
  const found = await bank.places.bank.size(key, { signal });
  if (found === undefined) return missing(key);
  if (found !== sizeBytes) {
    const message = `Pack ${key} has ${found} bytes instead of ${sizeBytes}.`;
    return { error: 'ObjectDamaged', message };
  }
  if (level === 'data' || sizeBytes > CHEAP_BYTES) return undefined;
  return (await isWhole(bank, { key, digest }, signal))
    ? undefined
    : {
        error: 'ObjectDamaged',
        message: `Pack ${key} is not what was written: its digest differs.`,
      };
}

/** Whether every byte of the pack is as it was written. */
export async function isWhole(
  bank: Bank,
  { key, digest }: Pick<PackRef, 'key' | 'digest'>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return digestOf(await bank.places.bank.get(key, { signal })) === digest;
  } catch (error) {
    if (error instanceof ObjectNotFound) return false;
    throw error;
  }
}

function missing(key: string): PackFault {
  return { error: 'PackMissing', message: `Pack ${key} is not in the bank.` };
}
