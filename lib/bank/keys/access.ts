import { type Clock, systemClock } from '../../clock.ts';
import { InvalidInput } from '../../errors.ts';
import type { Bank } from '../bank.ts';
import { KeyRingChanged, ObjectDamaged } from '../errors.ts';
import { retentionOf } from '../lock.ts';
import { requireReader } from '../open-bank.ts';
import { BankKeys } from './bank-keys.ts';
import type { BankSecrets } from './bundle.ts';
import { currentEpochOf, encodeKeyRing, isGenuine, type KeyRing, slotInfo } from './key-ring.ts';
import {
  checkSlots,
  type NewAccess,
  newEpoch,
  newSlot,
  refuseSecondSlot,
  resealed,
  ringEpoch,
} from './new-access.ts';
import { readKeyRing, writeKeyRing } from './ring-store.ts';

/**
 * Gives somebody access to a sealed bank, all that is stored included. Returns the bank as it is then. Throws `InvalidInput` for a key
 * or passphrase that has access already.
 */
export async function addAccess(
  bank: Bank,
  access: NewAccess,
  clock: Clock = systemClock,
): Promise<Bank> {
  const ring = await currentRing(bank);
  await refuseSecondSlot(ring.slots, access);
  const { secrets } = bank.keys;
  const createdAt = new Date(clock.now()).toISOString();
  const slot = await newSlot(ring.bankId, access, secrets, createdAt);
  return writeNext(bank, { ...ring, createdAt, slots: [...ring.slots, slot] }, secrets);
}

/**
 * Takes a slot away and begins a new epoch: what is backed up from now on cannot be opened with keys that the slot's holder may
 * have kept. What was stored before stays readable with those. Other holders need do nothing. Throws `InvalidInput` for the last reader,
 * and, without `force`, for a slot by which the bank was opened: whoever takes that away cannot open it again with what they have.
 */
export async function removeAccess(
  bank: Bank,
  slotId: string,
  { force = false, clock = systemClock }: { force?: boolean; clock?: Clock } = {},
): Promise<Bank> {
  const ring = await currentRing(bank);
  const slot = ring.slots.find(({ id }) => id === slotId);
  if (slot === undefined) throw new InvalidInput(`The bank has no access slot ${slotId}.`);
  const remaining = ring.slots.filter((one) => one !== slot);
  const called = `${slotId} (${slot.label})`;
  if (!remaining.some(({ role }) => role === 'reader')) {
    throw new InvalidInput(
      `Slot ${called} is the last that may restore, and cannot be removed: without a reader nothing could ever be restored. Give access to another key or passphrase first.`,
    );
  }
  if (!force && bank.info.openedBy.includes(slotId)) {
    throw new InvalidInput(
      `Slot ${called} is the ${slot.holder.kind} in use: without it the bank cannot be opened again with what was given now. Use another one that has access, or say --force.`,
    );
  }
  return beginEpoch(bank, { ...ring, slots: remaining }, clock);
}

/**
 * Begins a new epoch: what is backed up from now on is sealed with new keys. Nothing that is stored is written anew, every holder's key
 * stays as it is and opens both.
 */
export async function rotateKeys(bank: Bank, clock: Clock = systemClock): Promise<Bank> {
  return beginEpoch(bank, await currentRing(bank), clock);
}

async function beginEpoch(bank: Bank, ring: KeyRing, clock: Clock): Promise<Bank> {
  const last = ring.epochs.at(-1)?.epoch ?? 0;
  const epoch = newEpoch(last + 1);
  const secrets = { ...bank.keys.secrets, epochs: [...bank.keys.secrets.epochs, epoch] };
  const next = {
    ...ring,
    createdAt: new Date(clock.now()).toISOString(),
    epochs: [...ring.epochs, ringEpoch(epoch)],
    slots: ring.slots.map((slot) => resealed(ring.bankId, slot, secrets)),
  };
  return writeNext(bank, next, secrets);
}

async function currentRing(bank: Bank): Promise<KeyRing> {
  const { location } = bank.places.bank;
  if (!bank.info.sealed) {
    throw new InvalidInput(`The bank at ${location} is unsealed; it has no access slots.`);
  }
  requireReader(bank);
  const stored = await readKeyRing(bank.places, bank.info.bankId);
  if (stored?.ring.generation !== bank.info.keyRingGeneration) throw changed(bank);
  if (!isGenuine(stored, bank.keys.secrets.idKey)) {
    throw new ObjectDamaged(`The key ring of the bank at ${location} was altered.`);
  }
  return stored.ring;
}

async function writeNext(bank: Bank, edited: KeyRing, secrets: BankSecrets): Promise<Bank> {
  checkSlots(edited.slots);
  const ring = { ...edited, generation: edited.generation + 1 };
  const bytes = encodeKeyRing(ring, secrets.idKey);
  const retention = retentionOf(bank);
  if (!(await writeKeyRing(bank.places, ring, bytes, { retention }))) throw changed(bank);
  return {
    ...bank,
    info: {
      ...bank.info,
      keyRingGeneration: ring.generation,
      slots: ring.slots.map(slotInfo),
      openedBy: bank.info.openedBy.filter((id) => ring.slots.some((slot) => slot.id === id)),
    },
    keys: new BankKeys(bank.info.bankId, secrets, currentEpochOf(ring)),
  };
}

function changed(bank: Bank): KeyRingChanged {
  return new KeyRingChanged(
    `The key ring of the bank at ${bank.places.bank.location} was changed by somebody else at the same time; nothing was done.`,
    { identifiers: { bankId: bank.info.bankId } },
  );
}
