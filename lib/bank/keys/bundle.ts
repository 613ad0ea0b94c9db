import { createSecretKey, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import type { BankAccess } from '../bank.ts';
import { openSealedTo, sealTo } from './seal-to.ts';
import { privateKeyOf, rawPrivateKey } from './x25519.ts';

/** A raw 32-byte key as JSON holds it. */
export const RawKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** The secret keys of a bank, as far as an access slot gives them. */
export interface BankSecrets {
  readonly idKey: KeyObject;
  readonly epochs: readonly EpochSecrets[];
}

export interface EpochSecrets {
  readonly epoch: number;
  /** Seals roots and segments. */
  readonly metadataKey: KeyObject;
  /** Opens packs; only readers have it. */
  readonly privateKey?: KeyObject;
}

const Bundle = z.strictObject({
  idKey: RawKey,
  epochs: z.array(
    z.strictObject({
      epoch: z.int().positive(),
      metadataKey: RawKey,
      privateKey: RawKey.optional(),
    }),
  ),
});

/** What a sealed bundle is bound to. */
export interface BundleContext {
  bankId: string;
  slot: string;
  role: BankAccess;
}

/** Seals the secrets to a holder. A writer's bundle is without the keys that open packs. */
export function sealBundle(
  holder: Uint8Array,
  context: BundleContext,
  secrets: BankSecrets,
): Buffer {
  const bundle: z.infer<typeof Bundle> = {
    idKey: rawSecret(secrets.idKey),
    epochs: secrets.epochs.map(({ epoch, metadataKey, privateKey }) => ({
      epoch,
      metadataKey: rawSecret(metadataKey),
      ...(context.role === 'reader' && privateKey !== undefined
        ? { privateKey: rawPrivateKey(privateKey).toString('base64url') }
        : {}),
    })),
  };
  return sealTo(holder, contextBytes(context), Buffer.from(JSON.stringify(bundle)));
}

/** Throws when the key is not the holder's or the bundle was altered. */
export function openBundle(
  holder: KeyObject,
  context: BundleContext,
  sealed: Uint8Array,
): BankSecrets {
  const plain = openSealedTo(holder, contextBytes(context), sealed);
  const bundle = Bundle.parse(JSON.parse(plain.toString('utf8')));
  return {
    idKey: secretKeyOf(bundle.idKey),
    epochs: bundle.epochs.map(({ epoch, metadataKey, privateKey }) => ({
      epoch,
      metadataKey: secretKeyOf(metadataKey),
      ...(privateKey === undefined
        ? {}
        : { privateKey: privateKeyOf(Buffer.from(privateKey, 'base64url')) }),
    })),
  };
}

export function secretKeyOf(raw: string): KeyObject {
  return createSecretKey(raw, 'base64url');
}

export function rawSecret(key: KeyObject): string {
  return key.export().toString('base64url');
}

function contextBytes({ bankId, slot, role }: BundleContext): Buffer {
  return Buffer.concat([
    Buffer.from('snapbank bundle\0'),
    Buffer.from(bankId, 'hex'),
    Buffer.from(`${slot}\0${role}`),
  ]);
}
