import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { KeyMissing, ObjectDamaged } from '../errors.ts';
import type { BankSecrets, EpochSecrets } from './bundle.ts';
import { deriveKey } from './derive.ts';
import { openSealedTo, sealTo } from './seal-to.ts';
import { KEY_BYTES } from './x25519.ts';

/** The epoch that new objects are sealed under. */
export interface CurrentEpoch {
  readonly epoch: number;
  /** Raw X25519 key that pack keys are wrapped to. */
  readonly publicKey: Uint8Array;
}

/** A pack's own key, and how the pack's header carries it. */
export interface PackKey {
  readonly key: KeyObject;
  readonly epoch: number;
  readonly wrapped: Uint8Array;
}

/** The unlocked keys of a bank. Secrets stay in private fields and KeyObjects, which print nothing. */
export class BankKeys {
  /** 16 bytes. */
  readonly bankId: Uint8Array;
  /** Undefined for an unsealed bank. */
  readonly currentEpoch: CurrentEpoch | undefined;
  readonly #secrets: BankSecrets;
  readonly #nameKey: KeyObject;

  constructor(bankId: string, secrets: BankSecrets, currentEpoch?: CurrentEpoch) {
    this.bankId = Buffer.from(bankId, 'hex');
    this.currentEpoch = currentEpoch;
    this.#secrets = secrets;
    this.#nameKey = createSecretKey(deriveKey(secrets.idKey, 'snapbank names'));
  }

  /** For whoever rewrites the key ring. */
  get secrets(): BankSecrets {
    return this.#secrets;
  }

  /** The register's key for ids and pseudonyms; never used on a chunk's bytes. */
  get nameKey(): KeyObject {
    return this.#nameKey;
  }

  get canRead(): boolean {
    const { currentEpoch } = this;
    return (
      currentEpoch === undefined || this.#secretsOf(currentEpoch.epoch)?.privateKey !== undefined
    );
  }

  /** The id of a chunk: 32 bytes, equal for equal plain bytes in this bank. */
  chunkId(plain: Uint8Array): Buffer {
    return createHmac('sha256', this.#secrets.idKey).update(plain).digest();
  }

  /** The key that seals roots and segments of an epoch, where this credential has it. */
  metadataKey(epoch: number): KeyObject | undefined {
    return this.#secretsOf(epoch)?.metadataKey;
  }

  /** A new random key for a pack; undefined for an unsealed bank. */
  newPackKey(pack: string): PackKey | undefined {
    if (this.currentEpoch === undefined) return undefined;
    const { epoch, publicKey } = this.currentEpoch;
    const raw = randomBytes(KEY_BYTES);
    const wrapped = sealTo(publicKey, this.#packContext(pack), raw);
    return { key: createSecretKey(raw), epoch, wrapped };
  }

  /** Throws `KeyMissing` for a credential that may only write, `ObjectDamaged` for a header that was altered. */
  unwrapPackKey(pack: string, epoch: number, wrapped: Uint8Array): KeyObject {
    const secrets = this.#secretsOf(epoch);
    if (secrets?.privateKey === undefined) {
      throw new KeyMissing(
        secrets === undefined
          ? `The key of epoch ${epoch}, which opens ${pack}, is not among those that this credential gives.`
          : `This credential may write but not read; a key that may read is needed to open ${pack} (SNAPBANK_KEY_FILE or SNAPBANK_PASSPHRASE).`,
        { identifiers: { pack, epoch } },
      );
    }
    try {
      return createSecretKey(openSealedTo(secrets.privateKey, this.#packContext(pack), wrapped));
    } catch (error) {
      throw new ObjectDamaged(`The header of pack ${pack} was altered: its key does not open.`, {
        cause: error,
        identifiers: { pack },
      });
    }
  }

  #secretsOf(epoch: number): EpochSecrets | undefined {
    return this.#secrets.epochs.find((secrets) => secrets.epoch === epoch);
  }

  #packContext(pack: string): Buffer {
    return Buffer.concat([Buffer.from('snapbank pack key\0'), this.bankId, Buffer.from(pack)]);
  }
}
