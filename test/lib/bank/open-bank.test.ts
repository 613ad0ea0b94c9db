import { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { encodeBankFile } from '../../../lib/bank/bank-file.ts';
import {
  BankNotFound,
  KeyMissing,
  ObjectDamaged,
  RegisterLost,
  UnsupportedBank,
  WrongKey,
} from '../../../lib/bank/errors.ts';
import { rawSecret } from '../../../lib/bank/keys/bundle.ts';
import { newSecretKey } from '../../../lib/bank/keys/key-text.ts';
import { openBank, requireReader } from '../../../lib/bank/open-bank.ts';
import type { BankPlaces } from '../../../lib/bank/places.ts';
import { registerOn } from '../../../lib/bank/register/register.ts';
import type { ObjectStore } from '../../../lib/bank/store/object-store.ts';
import { aBank, memoryPlaces, QUICK_SCRYPT, readerOf } from './a-bank.ts';
import { flipped, keysOf } from './tamper.ts';
import { FORMAT_VERSION } from '../../../lib/bank/format-version.ts';

const key = newSecretKey();

async function changeBankFile(
  { bank, register }: BankPlaces,
  change: (file: Record<string, unknown>) => Record<string, unknown>,
) {
  const file = JSON.parse(Buffer.from(await bank.get('bank.json')).toString());
  const bytes = Buffer.from(JSON.stringify(change(file)));
  for (const store of [bank, register]) await store.put('bank.json', bytes);
}

describe('openBank', () => {
  it('says where no bank is, and how to make one', async () => {
    const places = memoryPlaces();

    await expect(openBank(places)).rejects.toThrow(BankNotFound);
    await expect(openBank(places)).rejects.toThrow(/memory:bank.*snapbank bank init/);
  });

  it('opens with a passphrase too', async () => {
    const places = memoryPlaces();
    const passphrase = 'correct horse';
    await aBank(
      {
        access: [
          { label: 'desk', role: 'reader', passphrase, scryptCost: QUICK_SCRYPT },
          readerOf(key),
        ],
      },
      places,
    );

    expect((await openBank(places, { passphrase })).info.access).toBe('reader');
    expect((await openBank(places, { key })).info.access).toBe('reader');
    await expect(openBank(places, { passphrase: 'wrong horse' })).rejects.toThrow(WrongKey);
  });

  it('gives a writer its keys, but none that open packs', async () => {
    const places = memoryPlaces();
    const backupKey = newSecretKey();
    await aBank({ access: [readerOf(key), { ...readerOf(backupKey), role: 'writer' }] }, places);

    const bank = await openBank(places, { key: backupKey });

    expect(bank.info.access).toBe('writer');
    expect(bank.keys.secrets.epochs.every(({ privateKey }) => privateKey === undefined)).toBe(true);
    expect(() => requireReader(bank)).toThrow(KeyMissing);
    const { nameKey } = (await openBank(places, { key })).keys;
    expect(bank.keys.nameKey.equals(nameKey)).toBe(true);
  });

  it('shows no secret when it is printed', async () => {
    const places = memoryPlaces();
    const bank = await aBank({ access: [readerOf(key)] }, places);
    const { idKey, epochs } = bank.keys.secrets;
    const secrets = [
      idKey.export(),
      bank.keys.nameKey.export(),
      ...epochs.map((one) => one.metadataKey.export()),
    ];

    const register = registerOn({ store: places.register, nameKey: bank.keys.nameKey });
    const printed = [bank, register]
      .map((one) => `${inspect(one, { depth: 9, showHidden: true })}${JSON.stringify(one)}`)
      .join('');

    for (const secret of secrets) {
      const [first, second, third] = secret;
      expect(printed).not.toContain(Buffer.from(secret).toString('base64url'));
      expect(printed).not.toContain(
        [first, second, third].map((n) => n?.toString(16).padStart(2, '0')).join(' '),
      );
      expect(printed).not.toContain([first, second, third].join(','));
    }
  });

  it('asks for a key by the names under which it is given', async () => {
    const places = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);

    await expect(openBank(places)).rejects.toThrow(KeyMissing);
    await expect(openBank(places)).rejects.toThrow(/SNAPBANK_KEY_FILE.*SNAPBANK_PASSPHRASE/);
    await expect(openBank(places, { key: newSecretKey() })).rejects.toThrow(WrongKey);
  });

  it('takes no key for an unsealed bank: whoever gives one expects sealing', async () => {
    const places = memoryPlaces();
    await aBank({ access: 'unsealed' }, places);

    await expect(openBank(places, { key })).rejects.toThrow(WrongKey);
  });

  it('refuses a register that is empty or of another bank', async () => {
    const places = memoryPlaces();
    const others = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);
    await aBank({ access: [readerOf(key)] }, others);

    for (const { register } of [memoryPlaces(), others]) {
      await expect(openBank({ ...places, register }, { key })).rejects.toThrow(RegisterLost);
    }
  });

  it('refuses versions and features that it does not know', async () => {
    const places = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);

    await changeBankFile(places, (file) => ({ ...file, features: ['telepathy'] }));
    await expect(openBank(places, { key })).rejects.toThrow(UnsupportedBank);
    await expect(openBank(places, { key })).rejects.toThrow(/telepathy/);

    await changeBankFile(places, () => ({ version: 7, anything: true }));
    await expect(openBank(places, { key })).rejects.toThrow(UnsupportedBank);
  });

  it('only reads a bank that a newer version writes in a way it does not know', async () => {
    const places = memoryPlaces();
    const idKey = createSecretKey(randomBytes(32));
    const made = await aBank({ access: 'unsealed' }, places);
    const { bankId, createdAt, chunkSizeBytes, chunksPerSegment } = made.info;
    const file = encodeBankFile(
      {
        format: 'snapbank bank',
        version: FORMAT_VERSION,
        bankId,
        createdAt,
        chunkSizeBytes,
        chunksPerSegment,
        sealed: false,
        features: [],
        writerFeatures: ['time-travel'],
        idKey: rawSecret(idKey),
      },
      idKey,
    );
    await places.bank.put('bank.json', file);
    await places.register.put('bank.json', file);
    await places.register.delete(['home.json']);

    const bank = await openBank(places, {});

    expect(await bank.places.bank.get('bank.json')).toEqual(new Uint8Array(file));
    for (const store of [bank.places.bank, bank.places.register]) {
      await expect(store.put('a', file)).rejects.toThrow(/time-travel/);
      await expect(store.putIfAbsent('a', file)).rejects.toThrow(UnsupportedBank);
      await expect(store.delete(['bank.json'])).rejects.toThrow(UnsupportedBank);
      await expect(store.startUpload('a')).rejects.toThrow(UnsupportedBank);
    }
  });

  it.each([
    ['chunkSizeBytes', 8192],
    ['chunksPerSegment', 16],
    ['createdAt', '2020-01-01T00:00:00.000Z'],
    ['bankId', '00'.repeat(16)],
  ])('notices a changed %s', async (field, value) => {
    for (const access of ['unsealed', [readerOf(key)]] as const) {
      const places = memoryPlaces();
      await aBank({ access }, places);

      await changeBankFile(places, (file) => ({ ...file, [field]: value }));

      await expect(openBank(places, access === 'unsealed' ? {} : { key })).rejects.toThrow();
    }
  });

  it('does not fall for a sealed bank that was made to look unsealed', async () => {
    const places = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);
    const forged = memoryPlaces();
    await aBank({ access: 'unsealed' }, forged);
    for (const store of [places.bank, places.register] as ObjectStore[]) {
      await store.put('bank.json', await forged.bank.get('bank.json'));
    }

    await expect(openBank(places, { key })).rejects.toThrow(WrongKey);
  });

  it('notices every altered byte of a key ring', async () => {
    const places = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);
    const [ring = ''] = await keysOf(places.bank, 'keys/');
    const bytes = await places.bank.get(ring);

    for (let at = 0; at < bytes.length; at += 3) {
      const altered = flipped(bytes, at, at % 7);
      await Promise.all([places.bank.put(ring, altered), places.register.put(ring, altered)]);
      // A changed public key makes the slot somebody else's.
      await expect(openBank(places, { key })).rejects.toThrow(
        expect.toSatisfy((error) => error instanceof ObjectDamaged || error instanceof WrongKey),
      );
    }
  });

  it('does not take another bank’s key ring for its own', async () => {
    const places = memoryPlaces();
    const others = memoryPlaces();
    const [bank, other] = await Promise.all([
      aBank({ access: [readerOf(key)] }, places),
      aBank({ access: [readerOf(key)] }, others),
    ]);
    const moved = await others.bank.get(`keys/${other.info.bankId}/0000000001`);

    await places.bank.put(`keys/${bank.info.bankId}/0000000002`, moved);

    await expect(openBank(places, { key })).rejects.toThrow(ObjectDamaged);
  });

  it('reads the key ring from the bank when the register has lost it', async () => {
    const places = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);

    await places.register.delete(await keysOf(places.register, 'keys/'));

    await expect(openBank(places, { key })).resolves.toBeDefined();
  });

  it('says so when the key ring is gone from both', async () => {
    const places = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);
    for (const store of [places.bank, places.register]) {
      await store.delete(await keysOf(store, 'keys/'));
    }

    await expect(openBank(places, { key })).rejects.toThrow(/key ring is gone/);
  });
});
