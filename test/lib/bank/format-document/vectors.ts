import { createSecretKey } from 'node:crypto';
import { slotContext } from '../../../../lib/bank/format/pack-layout.ts';
import { gcmSeal } from '../../../../lib/bank/format/gcm.ts';
import { merkleRoot, segmentHash } from '../../../../lib/bank/format/merkle.ts';
import { BankKeys } from '../../../../lib/bank/keys/bank-keys.ts';
import { deriveKey } from '../../../../lib/bank/keys/derive.ts';
import { formatPublicKey, formatSecretKey, SecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { keyOfPassphrase } from '../../../../lib/bank/keys/passphrase.ts';
import { privateKeyOf, rawPrivateKey } from '../../../../lib/bank/keys/x25519.ts';

/** Bytes 0, 1, 2, … from a start. */
const counted = (length: number, start = 0) =>
  Buffer.from(Array.from({ length }, (_, n) => n + start));

/** What of the format is the same every time it is computed. All values in hex unless they are text or numbers. */
export async function vectors() {
  const idKey = counted(32);
  const bankId = counted(16, 0xa0).toString('hex');
  const keys = new BankKeys(bankId, { idKey: createSecretKey(idKey), epochs: [] });
  const secret = new SecretKey(privateKeyOf(counted(32, 0x40)));
  const scrypt = { N: 1024, r: 8, p: 1, salt: counted(16).toString('base64url') };
  const passphrase = 'Grüße aus der Bank';
  const derived = await keyOfPassphrase(passphrase, scrypt);
  const plain = Buffer.from('chunk');
  const id = keys.chunkId(plain);
  const pack = 'packs/0123456789abcdef01234567/0-0-0011223344556677-0';
  const packKey = counted(32, 0x80);
  const location = { pack, slot: 258, encoding: 'raw' } as const;
  const context = slotContext(keys.bankId, location, id, plain.length);
  const { ciphertext, tag } = gcmSeal(createSecretKey(packKey), context, plain);
  const leaf = segmentHash(Buffer.concat([id, Buffer.alloc(32)]));
  const derive = (purpose: string) => deriveKey(createSecretKey(idKey), purpose).toString('hex');
  return {
    derivedKeys: {
      idKey: idKey.toString('hex'),
      'snapbank names': derive('snapbank names'),
      'snapbank key ring': derive('snapbank key ring'),
      'snapbank id key check': derive('snapbank id key check'),
    },
    keyText: {
      privateKey: rawPrivateKey(secret.privateKey).toString('hex'),
      secretKeyText: formatSecretKey(secret),
      publicKey: secret.publicKey.toString('hex'),
      publicKeyText: formatPublicKey(secret.publicKey),
    },
    passphrase: {
      passphrase,
      scrypt,
      privateKey: rawPrivateKey(derived.privateKey).toString('hex'),
    },
    chunk: { idKey: idKey.toString('hex'), plain: plain.toString('hex'), id: id.toString('hex') },
    slot: {
      bankId,
      pack,
      packKey: packKey.toString('hex'),
      slot: location.slot,
      encoding: location.encoding,
      nonce: Buffer.from(context.nonce).toString('hex'),
      associatedData: Buffer.from(context.aad).toString('hex'),
      stored: Buffer.concat([ciphertext, tag]).toString('hex'),
    },
    merkle: {
      about:
        'a disk of 8192 bytes in chunks of 4096: a chunk with the id above, a hole; one segment',
      segmentHash: leaf,
      merkleRoot: merkleRoot(8192, 4096, [leaf]),
    },
  };
}
