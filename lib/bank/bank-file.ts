import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { ObjectDamaged, UnsupportedBank } from './errors.ts';
import { MAX_CHUNK_BYTES } from './format/chunk.ts';
import { RawKey } from './keys/bundle.ts';
import { deriveKey } from './keys/derive.ts';
import { BankLock } from './lock.ts';
import { BANK_FILE_KEY } from './object-keys.ts';
import { Digest } from './object-ref.ts';
import { getIfThere } from './store/get-if-there.ts';
import type { CallOptions, ObjectStore } from './store/object-store.ts';
import { FORMAT_VERSION } from './format-version.ts';

const MAX_FILE_BYTES = 64 * 1024;

/** A reader that does not know a feature must not touch the bank. There are none yet. */
const KNOWN_FEATURES: readonly string[] = [];
/** Who does not know one of these must not write or delete, and may read. There are none yet. */
const KNOWN_WRITER_FEATURES: readonly string[] = [];

const FeatureNames = z.array(z.string().regex(/^[a-z0-9-]+$/));

const powerOfTwo = (min: number, max: number) =>
  z
    .int()
    .min(min)
    .max(max)
    .refine((n) => Number.isInteger(Math.log2(n)), 'a power of two');

export const ChunkSizeBytes = powerOfTwo(4096, MAX_CHUNK_BYTES);
export const ChunksPerSegment = powerOfTwo(1, 32_768);

/** bank.json: what must be known before anything else of a bank can be read. */
export const BankFile = z.strictObject({
  format: z.literal('snapbank bank'),
  version: z.literal(FORMAT_VERSION),
  bankId: z.string().regex(/^[0-9a-f]{32}$/),
  createdAt: z.iso.datetime(),
  chunkSizeBytes: ChunkSizeBytes,
  chunksPerSegment: ChunksPerSegment,
  features: FeatureNames,
  writerFeatures: FeatureNames,
  sealed: z.boolean(),
  /** Absent: nothing is locked. */
  lock: BankLock.exactOptional(),
  /** Only of an unsealed bank; a sealed bank's lies in its key ring. */
  idKey: RawKey.optional(),
  idKeyCheck: Digest,
});
export type BankFile = z.infer<typeof BankFile>;

/** Just enough to see that a newer version wrote the file. */
const Versioned = z.object({ version: z.int(), features: z.array(z.string()).default([]) });

export function encodeBankFile(file: Omit<BankFile, 'idKeyCheck'>, idKey: KeyObject): Buffer {
  const whole: BankFile = { ...file, idKeyCheck: idKeyCheck(file, idKey).toString('hex') };
  return Buffer.from(`${JSON.stringify(whole, null, 2)}\n`);
}

/** The bank.json of a place; undefined where there is none. */
export async function readBankFile(
  store: ObjectStore,
  options?: CallOptions,
): Promise<BankFile | undefined> {
  const bytes = await getIfThere(store, BANK_FILE_KEY, options);
  return bytes && parseBankFile(bytes, store.location);
}

/** Throws `UnsupportedBank` or `ObjectDamaged`. */
export function parseBankFile(bytes: Uint8Array, location: string): BankFile {
  try {
    if (bytes.length > MAX_FILE_BYTES) throw new RangeError(`it has ${bytes.length} bytes`);
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    refuseUnknown(Versioned.parse(json), location);
    const file = BankFile.parse(json);
    if (file.sealed === (file.idKey !== undefined))
      throw new RangeError('idKey contradicts sealed');
    return file;
  } catch (error) {
    if (error instanceof UnsupportedBank) throw error;
    throw new ObjectDamaged(`bank.json of ${location} is not what was written.`, { cause: error });
  }
}

/** Whether the key is this bank's and the file is as it was written. */
export function fitsBankFile(file: BankFile, idKey: KeyObject): boolean {
  return timingSafeEqual(idKeyCheck(file, idKey), Buffer.from(file.idKeyCheck, 'hex'));
}

/** The features because of which this snapbank must leave the bank as it is. */
export function unknownWriterFeatures({ writerFeatures }: BankFile): string[] {
  return writerFeatures.filter((feature) => !KNOWN_WRITER_FEATURES.includes(feature));
}

function refuseUnknown(file: z.infer<typeof Versioned>, location: string): void {
  if (file.version !== FORMAT_VERSION) {
    throw new UnsupportedBank(
      `The bank at ${location} has format version ${file.version}; this snapbank knows version ${FORMAT_VERSION}.`,
      { identifiers: { location, version: file.version } },
    );
  }
  const unknown = file.features.filter((feature) => !KNOWN_FEATURES.includes(feature));
  if (unknown.length > 0) {
    throw new UnsupportedBank(
      `The bank at ${location} uses features that this snapbank does not know: ${unknown.join(', ')}.`,
      { identifiers: { location } },
    );
  }
}

// Covers all that a reader takes from the file: an altered one must not change how data is cut or whether it is sealed.
function idKeyCheck(file: Omit<BankFile, 'idKeyCheck'>, idKey: KeyObject): Buffer {
  const fields = [
    file.bankId,
    file.version,
    file.sealed ? 'sealed' : 'unsealed',
    file.chunkSizeBytes,
    file.chunksPerSegment,
    file.features.join(','),
    file.writerFeatures.join(','),
    file.createdAt,
    file.lock === undefined ? '' : `${file.lock.mode} ${file.lock.days}`,
  ];
  return createHmac('sha256', deriveKey(idKey, 'snapbank id key check'))
    .update(fields.join('\0'))
    .digest();
}
