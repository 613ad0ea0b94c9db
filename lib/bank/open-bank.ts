import type { KeyObject } from 'node:crypto';
import type { Bank, BankInfo } from './bank.ts';
import { type BankFile, fitsBankFile, readBankFile, unknownWriterFeatures } from './bank-file.ts';
import {
  BankNotFound,
  KeyMissing,
  ObjectDamaged,
  RegisterLost,
  UnsupportedBank,
  WrongKey,
} from './errors.ts';
import { atHome } from './home.ts';
import { BankKeys } from './keys/bank-keys.ts';
import { type BankSecrets, secretKeyOf } from './keys/bundle.ts';
import type { BankCredentials } from './keys/credentials.ts';
import { currentEpochOf, type KeyRing, slotInfo } from './keys/key-ring.ts';
import { readKeyRing } from './keys/ring-store.ts';
import { unlockKeyRing } from './keys/unlock.ts';
import { HOME_KEY } from './object-keys.ts';
import type { BankPlaces } from './places.ts';
import { getIfThere } from './store/get-if-there.ts';
import { readOnlyStore } from './store/read-only-store.ts';
import type { CallOptions } from './store/object-store.ts';

/**
 * Opens a bank. What the credentials allow is `info.access`.
 * Throws `BankNotFound`, `UnsupportedBank`, `RegisterLost`, `KeyMissing`, `WrongKey`, `ObjectDamaged`.
 */
export async function openBank(
  places: BankPlaces,
  credentials: BankCredentials = {},
  options: CallOptions = {},
): Promise<Bank> {
  const [file, registered, home] = await Promise.all([
    readBankFile(places.bank, options),
    readBankFile(places.register, options),
    getIfThere(places.register, HOME_KEY, options),
  ]);
  if (file === undefined) {
    throw new BankNotFound(
      `There is no bank at ${places.bank.location}. To make one there, run \`snapbank bank init\`.`,
      { identifiers: { location: places.bank.location } },
    );
  }
  checkRegister(places, file, registered);
  const allowed = placesFor(places, file);
  const bank = file.sealed
    ? await openSealed(allowed, file, credentials, options)
    : openUnsealed(allowed, file, credentials);
  return atHome(bank, home);
}

/** Throws `KeyMissing` unless stored data can be read with what the bank was opened with. */
export function requireReader(bank: Bank): void {
  if (bank.info.access !== 'reader') {
    throw new KeyMissing(
      `The key given for the bank at ${bank.places.bank.location} may back up but not read what is stored. Set SNAPBANK_KEY_FILE or SNAPBANK_PASSPHRASE to a reader's.`,
      { identifiers: { location: bank.places.bank.location } },
    );
  }
}

/** A bank that a newer snapbank changes in ways that this one does not know is read, and left as it is. */
function placesFor(places: BankPlaces, file: BankFile): BankPlaces {
  const unknown = unknownWriterFeatures(file);
  if (unknown.length === 0) return places;
  const refusal = () =>
    new UnsupportedBank(
      `The bank at ${places.bank.location} uses features that this snapbank does not know: ${unknown.join(', ')}. It can be read, not written.`,
      { identifiers: { location: places.bank.location } },
    );
  const { bank, register, work } = places;
  return { bank: readOnlyStore(bank, refusal), register: readOnlyStore(register, refusal), work };
}

function checkRegister(
  { bank, register }: BankPlaces,
  file: BankFile,
  registered: BankFile | undefined,
): void {
  if (registered?.bankId === file.bankId) return;
  const found =
    registered === undefined ? 'has no bank.json' : `belongs to bank ${registered.bankId}`;
  throw new RegisterLost(
    `The register at ${register.location} ${found}; the bank at ${bank.location} is bank ${file.bankId}. Check SNAPBANK_REGISTER.`,
    { identifiers: { bank: bank.location, register: register.location, bankId: file.bankId } },
  );
}

function openUnsealed(places: BankPlaces, file: BankFile, credentials: BankCredentials): Bank {
  const { location } = places.bank;
  // Whoever gives a key expects sealing; a bank.json that was replaced must not get their data in the clear.
  if (credentials.key !== undefined || credentials.passphrase !== undefined) {
    throw new WrongKey(
      `The bank at ${location} is unsealed: nothing in it is encrypted. A key was given; if it is meant for another bank, unset SNAPBANK_KEY_FILE and SNAPBANK_PASSPHRASE.`,
      { identifiers: { location } },
    );
  }
  const secrets = { idKey: secretKeyOf(file.idKey ?? ''), epochs: [] };
  checkIdKey(file, secrets.idKey, location);
  return bankOf(places, file, secrets, undefined);
}

async function openSealed(
  places: BankPlaces,
  file: BankFile,
  credentials: BankCredentials,
  options: CallOptions,
): Promise<Bank> {
  const { location } = places.bank;
  const stored = await readKeyRing(places, file.bankId, options);
  if (stored === undefined) {
    throw new ObjectDamaged(
      `The bank at ${location} is sealed and its key ring is gone, here and in the register at ${places.register.location}.`,
      { identifiers: { location, bankId: file.bankId } },
    );
  }
  const { secrets, openedBy } = await unlockKeyRing(stored, credentials, location);
  checkIdKey(file, secrets.idKey, location);
  return bankOf(places, file, secrets, stored.ring, openedBy);
}

function checkIdKey(file: BankFile, idKey: KeyObject, location: string): void {
  if (fitsBankFile(file, idKey)) return;
  throw new WrongKey(
    `The id key is not the one of bank ${file.bankId} at ${location}, or its bank.json was altered.`,
    { identifiers: { location, bankId: file.bankId } },
  );
}

/** The handle of a bank whose secrets are known. */
export function bankOf(
  places: BankPlaces,
  file: BankFile,
  secrets: BankSecrets,
  ring: KeyRing | undefined,
  openedBy: readonly string[] = [],
): Bank {
  const keys = new BankKeys(file.bankId, secrets, ring && currentEpochOf(ring));
  const info: BankInfo = {
    bankId: file.bankId,
    homeId: file.bankId,
    isCopy: false,
    version: file.version,
    createdAt: file.createdAt,
    sealed: file.sealed,
    access: keys.canRead ? 'reader' : 'writer',
    chunkSizeBytes: file.chunkSizeBytes,
    chunksPerSegment: file.chunksPerSegment,
    features: file.features,
    ...(file.lock === undefined ? {} : { lock: file.lock }),
    keyRingGeneration: ring?.generation ?? 0,
    slots: ring?.slots.map(slotInfo) ?? [],
    openedBy,
  };
  return { places, info, keys };
}
