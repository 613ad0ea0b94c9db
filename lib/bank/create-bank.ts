import { createSecretKey, randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import { InvalidInput } from '../errors.ts';
import type { Bank } from './bank.ts';
import {
  type BankFile,
  ChunkSizeBytes,
  ChunksPerSegment,
  encodeBankFile,
  FORMAT_VERSION,
  parseBankFile,
} from './bank-file.ts';
import { createObject } from './create-object.ts';
import { BankExists } from './errors.ts';
import { type BankSecrets, rawSecret } from './keys/bundle.ts';
import { encodeKeyRing, type KeyRing } from './keys/key-ring.ts';
import { checkSlots, type NewAccess, newEpoch, newSlot, ringEpoch } from './keys/new-access.ts';
import { writeKeyRing } from './keys/ring-store.ts';
import { KEY_BYTES } from './keys/x25519.ts';
import { BANK_FILE_KEY } from './object-keys.ts';
import { bankOf } from './open-bank.ts';
import type { BankPlaces } from './places.ts';
import type { ObjectStore } from './store/object-store.ts';
import { provePutIfAbsent } from './store/probe.ts';

const GIB = 2 ** 30;

export interface CreateBankOptions {
  /** Who may open it: at least one reader. `unsealed`: nothing is encrypted, and whoever reads the store reads the disks. */
  readonly access: readonly NewAccess[] | 'unsealed';
  /** Default 256 KiB, a power of two; for ever. */
  readonly chunkSizeBytes?: number;
  /** Default: as many as make 1 GiB. */
  readonly chunksPerSegment?: number;
  readonly clock?: Clock;
}

/**
 * Makes a bank, and returns it opened with all keys. bank.json comes last, so that an interrupted call leaves no bank behind, and of
 * two concurrent ones one gets `BankExists`. Throws `PutIfAbsentNotProven` where the register could not keep its promise.
 */
export async function createBank(places: BankPlaces, options: CreateBankOptions): Promise<Bank> {
  const { access, clock = systemClock } = options;
  const sizes = checkSizes(options);
  if (access !== 'unsealed') checkSlots(access);
  await refuseExisting(places);
  await provePutIfAbsent(places.register);

  const createdAt = new Date(clock.now()).toISOString();
  const bankId = randomBytes(16).toString('hex');
  const idKey = createSecretKey(randomBytes(KEY_BYTES));
  const sealed = access !== 'unsealed';
  const common = {
    format: 'snapbank bank' as const,
    version: FORMAT_VERSION,
    bankId,
    createdAt,
    ...sizes,
    features: [],
    sealed,
  };
  if (!sealed) {
    const bytes = encodeBankFile({ ...common, idKey: rawSecret(idKey) }, idKey);
    const file = await writeBankFile(places, bytes);
    return bankOf(places, file, { idKey, epochs: [] }, undefined);
  }
  const epoch = newEpoch(1);
  const secrets: BankSecrets = { idKey, epochs: [epoch] };
  const ring: KeyRing = {
    format: 'snapbank key ring',
    version: FORMAT_VERSION,
    bankId,
    generation: 1,
    createdAt,
    epochs: [ringEpoch(epoch)],
    slots: await Promise.all(access.map((one) => newSlot(bankId, one, secrets, createdAt))),
  };
  await writeKeyRing(places, ring, encodeKeyRing(ring, idKey));
  const file = await writeBankFile(places, encodeBankFile(common, idKey));
  return bankOf(places, file, secrets, ring);
}

function checkSizes({
  chunkSizeBytes = 256 * 1024,
  chunksPerSegment = GIB / chunkSizeBytes,
}: CreateBankOptions): Pick<BankFile, 'chunkSizeBytes' | 'chunksPerSegment'> {
  if (!ChunkSizeBytes.safeParse(chunkSizeBytes).success) {
    throw new InvalidInput(
      `The chunk size must be a power of two from 4 KiB to 4 MiB, not ${chunkSizeBytes} bytes.`,
    );
  }
  if (!ChunksPerSegment.safeParse(chunksPerSegment).success) {
    throw new InvalidInput(
      `A segment must have a power of two of chunks, up to 32,768, not ${chunksPerSegment}.`,
    );
  }
  return { chunkSizeBytes, chunksPerSegment };
}

async function refuseExisting({ bank, register }: BankPlaces): Promise<void> {
  for (const store of [bank, register]) {
    if ((await store.size(BANK_FILE_KEY)) !== undefined) throw exists(store);
  }
}

async function writeBankFile({ bank, register }: BankPlaces, bytes: Uint8Array): Promise<BankFile> {
  if (!(await createObject(register, BANK_FILE_KEY, bytes))) throw exists(register);
  try {
    await bank.put(BANK_FILE_KEY, bytes);
  } catch (error) {
    // Ours, and nobody can have used it: bank and register would be a pair only now.
    await register.delete([BANK_FILE_KEY]).catch(() => undefined);
    throw error;
  }
  return parseBankFile(bytes, bank.location);
}

function exists(store: ObjectStore): BankExists {
  return new BankExists(
    `There is a bank.json at ${store.location} already; no bank was made. If an earlier init was interrupted, so that only one of bank and register has a bank.json and nothing is backed up yet, delete that file and run init again.`,
    { identifiers: { location: store.location } },
  );
}
