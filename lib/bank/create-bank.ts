import { createSecretKey, randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import { InvalidInput } from '../errors.ts';
import type { Bank } from './bank.ts';
import {
  type BankFile,
  ChunkSizeBytes,
  ChunksPerSegment,
  encodeBankFile,
  parseBankFile,
} from './bank-file.ts';
import { createObject } from './create-object.ts';
import { BankExists } from './errors.ts';
import { atHome, noteHome } from './home.ts';
import { type BankSecrets, rawSecret } from './keys/bundle.ts';
import { type AccessSlot, encodeKeyRing, type KeyRing } from './keys/key-ring.ts';
import {
  checkSlots,
  type NewAccess,
  newEpoch,
  newSlot,
  refuseSecondSlot,
  ringEpoch,
} from './keys/new-access.ts';
import { writeKeyRing } from './keys/ring-store.ts';
import { KEY_BYTES } from './keys/x25519.ts';
import { BankLock, newRetention, requireObjectLock } from './lock.ts';
import { BANK_FILE_KEY, HOME_KEY } from './object-keys.ts';
import { bankOf } from './open-bank.ts';
import type { BankPlaces } from './places.ts';
import { putLocked } from './put-locked.ts';
import { ObjectLockUnavailable } from './store/errors.ts';
import { getIfThere } from './store/get-if-there.ts';
import type { ObjectStore } from './store/object-store.ts';
import { provePutIfAbsent } from './store/probe.ts';
import { FORMAT_VERSION } from './format-version.ts';

const GIB = 2 ** 30;

export interface CreateBankOptions {
  /** Who may open it: at least one reader. `unsealed`: nothing is encrypted, and whoever reads the store reads the disks. */
  readonly access: readonly NewAccess[] | 'unsealed';
  /** Default 256 KiB, a power of two; for ever. */
  readonly chunkSizeBytes?: number;
  /** Default: as many as make 1 GiB. */
  readonly chunksPerSegment?: number;
  /** Lock every object of the bank; its place must have S3 Object Lock, register and work place must not. */
  readonly lock?: BankLock;
  readonly clock?: Clock;
}

/**
 * Makes a bank, and returns it opened with all keys. bank.json comes last, so that an interrupted call leaves no bank behind, and of
 * two concurrent ones one gets `BankExists`. Throws `PutIfAbsentNotProven` where the register could not keep its promise, and
 * `ObjectLockUnavailable` where the bank could not be locked.
 */
export async function createBank(places: BankPlaces, options: CreateBankOptions): Promise<Bank> {
  const { access, lock, clock = systemClock } = options;
  const sizes = checkSizes(options);
  if (access !== 'unsealed') checkSlots(access);
  await refuseExisting(places);
  if (lock !== undefined) await checkLockable(places, lock);
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
    writerFeatures: [],
    sealed,
    ...(lock === undefined ? {} : { lock }),
  };
  if (!sealed) {
    const bytes = encodeBankFile({ ...common, idKey: rawSecret(idKey) }, idKey);
    const file = await writeBankFile(places, bytes, lock);
    return await atNewHome(bankOf(places, file, { idKey, epochs: [] }, undefined), clock);
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
    slots: await slotsFor(access, bankId, secrets, createdAt),
  };
  const retention = lock && newRetention(lock, requireObjectLock(places.bank));
  await writeKeyRing(places, ring, encodeKeyRing(ring, idKey), { retention });
  const file = await writeBankFile(places, encodeBankFile(common, idKey), lock);
  return await atNewHome(bankOf(places, file, secrets, ring), clock);
}

/** Only now that it is ours: who made a bank in the same place at the same time has keys of their own. */
async function atNewHome(bank: Bank, clock: Clock): Promise<Bank> {
  const { places, info, keys } = bank;
  await noteHome(places, keys.nameKey, { homeId: info.homeId, now: clock.now() });
  return atHome(bank, await getIfThere(places.register, HOME_KEY));
}

async function slotsFor(
  access: readonly NewAccess[],
  bankId: string,
  secrets: BankSecrets,
  createdAt: string,
): Promise<AccessSlot[]> {
  const slots: AccessSlot[] = [];
  for (const one of access) {
    await refuseSecondSlot(slots, one);
    slots.push(await newSlot(bankId, one, secrets, createdAt));
  }
  return slots;
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

async function writeBankFile(
  { bank, register }: BankPlaces,
  bytes: Uint8Array,
  lock: BankLock | undefined,
): Promise<BankFile> {
  if (!(await createObject(register, BANK_FILE_KEY, bytes))) throw exists(register);
  try {
    if (lock === undefined) await bank.put(BANK_FILE_KEY, bytes);
    else await putLocked(bank, BANK_FILE_KEY, bytes, lock);
  } catch (error) {
    if (error instanceof ObjectLockUnavailable) await bank.delete([BANK_FILE_KEY]);
    // Ours, and nobody can have used it: bank and register would be a pair only now.
    await register.delete([BANK_FILE_KEY]).catch(() => undefined);
    throw error;
  }
  return parseBankFile(bytes, bank.location);
}

async function checkLockable({ bank, register, work }: BankPlaces, lock: BankLock): Promise<void> {
  if (!BankLock.safeParse(lock).success) {
    throw new InvalidInput(
      `A bank is locked in governance or compliance mode, for 1 to 36,500 days, not ${lock.mode} for ${lock.days}.`,
    );
  }
  if (!(await requireObjectLock(bank).isEnabled())) {
    throw new ObjectLockUnavailable(
      `The bucket of ${bank.location} has no Object Lock: nothing in it could be locked. No bank was made.`,
      { identifiers: { location: bank.location } },
    );
  }
  for (const [place, name] of [
    [register, 'SNAPBANK_REGISTER'],
    [work, 'SNAPBANK_WORK'],
  ] as const) {
    // Records and pins are deleted all the time, and what is assembled for a restore may be large.
    if ((await place.objectLock?.isEnabled()) !== true) continue;
    throw new InvalidInput(
      `${place.location} lies in a bucket with Object Lock. A locked bank needs its register and its work place elsewhere: set ${name} to a bucket without versions and Object Lock.`,
    );
  }
}

function exists(store: ObjectStore): BankExists {
  return new BankExists(
    `There is a bank.json at ${store.location} already; no bank was made. If an earlier init was interrupted, so that only one of bank and register has a bank.json and nothing is backed up yet, delete that file and run init again.`,
    { identifiers: { location: store.location } },
  );
}
