import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { InvalidInput } from '../../errors.ts';
import type { BankAccess } from '../bank.ts';
import { type BankSecrets, type EpochSecrets, sealBundle } from './bundle.ts';
import { type AccessSlot, type KeyRing, MAX_SLOTS } from './key-ring.ts';
import { keyOfPassphrase, newScryptParameters, type ScryptCost } from './passphrase.ts';
import { KEY_BYTES, rawPublicKey } from './x25519.ts';

/** Who is to get access: the holder of a key file, of which only the public key is needed, or whoever knows a passphrase. */
export type NewAccess = {
  /** What people call the slot, up to 100 characters. Not secret. */
  readonly label: string;
  readonly role: BankAccess;
} & (
  | { readonly publicKey: Uint8Array }
  | { readonly passphrase: string; readonly scryptCost?: ScryptCost }
);

/** Keys for what is sealed from now on. */
export function newEpoch(epoch: number): EpochSecrets & Required<Pick<EpochSecrets, 'privateKey'>> {
  return {
    epoch,
    metadataKey: createSecretKey(randomBytes(KEY_BYTES)),
    privateKey: generateKeyPairSync('x25519').privateKey,
  };
}

export function ringEpoch({
  epoch,
  privateKey,
}: ReturnType<typeof newEpoch>): KeyRing['epochs'][0] {
  return { epoch, publicKey: rawPublicKey(privateKey).toString('base64url') };
}

export async function newSlot(
  bankId: string,
  access: NewAccess,
  secrets: BankSecrets,
  createdAt: string,
): Promise<AccessSlot> {
  if (access.label.length > 100) {
    throw new InvalidInput('The label of an access slot has at most 100 characters.');
  }
  const slot = {
    id: randomBytes(4).toString('hex'),
    label: access.label,
    role: access.role,
    createdAt,
    holder: await holderOf(access),
  };
  return { ...slot, bundle: bundleFor(bankId, slot, secrets) };
}

/** Throws `InvalidInput` for a key or passphrase that has a slot already: taking one of two away would leave its holder in. */
export async function refuseSecondSlot(
  slots: readonly AccessSlot[],
  access: NewAccess,
): Promise<void> {
  for (const { id, label, role, holder } of slots) {
    if (!(await isHeldBy(holder, access))) continue;
    const may = role === 'reader' ? 'back up and restore' : 'back up, not restore';
    throw new InvalidInput(
      `The ${holder.kind} to be given access has it already: slot ${id} (${label}), which may ${may}. Nothing was done. To change what it may, remove that access first.`,
    );
  }
}

async function isHeldBy(holder: AccessSlot['holder'], access: NewAccess): Promise<boolean> {
  if ('publicKey' in access) {
    return holder.publicKey === Buffer.from(access.publicKey).toString('base64url');
  }
  if (holder.kind !== 'passphrase') return false;
  const { publicKey } = await keyOfPassphrase(access.passphrase, holder.scrypt);
  return holder.publicKey === publicKey.toString('base64url');
}

/** The slot with a bundle of these secrets. Needs nothing of its holder but the public key. */
export function resealed(bankId: string, slot: AccessSlot, secrets: BankSecrets): AccessSlot {
  return { ...slot, bundle: bundleFor(bankId, slot, secrets) };
}

/** Throws `InvalidInput` for a list of slots with which the bank could no longer be restored from. */
export function checkSlots(slots: readonly Pick<AccessSlot, 'role'>[]): void {
  if (!slots.some(({ role }) => role === 'reader')) {
    throw new InvalidInput(
      'At least one key or passphrase must be a reader: without one nothing could ever be restored.',
    );
  }
  if (slots.length > MAX_SLOTS) {
    throw new InvalidInput(`A bank has at most ${MAX_SLOTS} access slots.`);
  }
}

async function holderOf(access: NewAccess): Promise<AccessSlot['holder']> {
  if ('publicKey' in access) {
    return { kind: 'key', publicKey: Buffer.from(access.publicKey).toString('base64url') };
  }
  const scrypt = newScryptParameters(access.passphrase, access.scryptCost);
  const { publicKey } = await keyOfPassphrase(access.passphrase, scrypt);
  return { kind: 'passphrase', publicKey: publicKey.toString('base64url'), scrypt };
}

function bundleFor(
  bankId: string,
  slot: Pick<AccessSlot, 'id' | 'role' | 'holder'>,
  secrets: BankSecrets,
): string {
  const holder = Buffer.from(slot.holder.publicKey, 'base64url');
  return sealBundle(holder, { bankId, slot: slot.id, role: slot.role }, secrets).toString(
    'base64url',
  );
}
