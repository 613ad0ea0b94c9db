import { KeyMissing, ObjectDamaged, WrongKey } from '../errors.ts';
import { type BankSecrets, openBundle } from './bundle.ts';
import type { BankCredentials } from './credentials.ts';
import { type AccessSlot, isGenuine, type KeyRing, type StoredKeyRing } from './key-ring.ts';
import type { SecretKey } from './key-text.ts';
import { keyOfPassphrase } from './passphrase.ts';

/** What the credentials open. */
export interface Unlocked {
  readonly secrets: BankSecrets;
  /** Ids of all slots that they fit. */
  readonly openedBy: readonly string[];
}

/**
 * The secrets that the credentials give. Where they fit several slots, a reader's wins.
 * Throws `KeyMissing` for no credentials, `WrongKey` for foreign ones, `ObjectDamaged` for a ring that was altered.
 */
export async function unlockKeyRing(
  stored: StoredKeyRing,
  credentials: BankCredentials,
  location: string,
): Promise<Unlocked> {
  const { ring } = stored;
  if (credentials.key === undefined && credentials.passphrase === undefined) {
    throw new KeyMissing(
      `The bank at ${location} is sealed and no key was given: set SNAPBANK_KEY_FILE to a key file, or SNAPBANK_PASSPHRASE.`,
      { identifiers: { location } },
    );
  }
  const fitting = await fittingSlots(ring, credentials);
  const found = fitting.find(({ slot }) => slot.role === 'reader') ?? fitting[0];
  if (found === undefined) {
    throw new WrongKey(
      `The key given opens none of the ${ring.slots.length} access slots of the bank at ${location} (${labelsOf(ring)}). Check SNAPBANK_KEY_FILE, SNAPBANK_PASSPHRASE.`,
      { identifiers: { location } },
    );
  }
  const secrets = secretsOf(ring, found.slot, found.key);
  if (!isGenuine(stored, secrets.idKey)) {
    throw new ObjectDamaged(
      `The key ring of the bank at ${location}, generation ${ring.generation}, was altered: its MAC is wrong.`,
      { identifiers: { location, generation: ring.generation } },
    );
  }
  return { secrets, openedBy: fitting.map(({ slot }) => slot.id) };
}

async function fittingSlots(
  ring: KeyRing,
  { key, passphrase }: BankCredentials,
): Promise<{ slot: AccessSlot; key: SecretKey }[]> {
  const fitting: { slot: AccessSlot; key: SecretKey }[] = [];
  for (const slot of ring.slots) {
    if (slot.holder.kind === 'key') {
      if (key !== undefined && isOf(slot, key)) fitting.push({ slot, key });
    } else if (passphrase !== undefined) {
      const derived = await keyOfPassphrase(passphrase, slot.holder.scrypt);
      if (isOf(slot, derived)) fitting.push({ slot, key: derived });
    }
  }
  return fitting;
}

function isOf({ holder }: AccessSlot, key: SecretKey): boolean {
  return holder.publicKey === key.publicKey.toString('base64url');
}

function secretsOf(ring: KeyRing, slot: AccessSlot, key: SecretKey): BankSecrets {
  const context = { bankId: ring.bankId, slot: slot.id, role: slot.role };
  try {
    return openBundle(key.privateKey, context, Buffer.from(slot.bundle, 'base64url'));
  } catch (error) {
    throw new ObjectDamaged(
      `Access slot ${slot.id} of key ring generation ${ring.generation} was altered: its bundle does not open.`,
      { cause: error, identifiers: { slot: slot.id, generation: ring.generation } },
    );
  }
}

function labelsOf(ring: KeyRing): string {
  return ring.slots.map(({ label, holder }) => `${label}: ${holder.kind}`).join(', ');
}
