import { describe, expect, it } from 'vitest';
import { createBank } from '../../../lib/bank/create-bank.ts';
import { BankExists } from '../../../lib/bank/errors.ts';
import { newSecretKey } from '../../../lib/bank/keys/key-text.ts';
import { openBank } from '../../../lib/bank/open-bank.ts';
import { PutIfAbsentNotProven, StoreRefused } from '../../../lib/bank/store/errors.ts';
import { InvalidInput } from '../../../lib/errors.ts';
import { aBank, memoryPlaces, readerOf } from './a-bank.ts';
import { keysOf } from './tamper.ts';
import { FORMAT_VERSION } from '../../../lib/bank/format-version.ts';

describe('createBank', () => {
  it('makes a bank of 256 KiB chunks and 1 GiB segments that its key opens', async () => {
    const key = newSecretKey();
    const places = memoryPlaces();

    const bank = await createBank(places, { access: [readerOf(key)] });

    expect(bank.info).toMatchObject({
      version: FORMAT_VERSION,
      sealed: true,
      access: 'reader',
      chunkSizeBytes: 262_144,
      chunksPerSegment: 4096,
      keyRingGeneration: 1,
    });
    expect(bank.info.slots).toMatchObject([{ label: 'operator', role: 'reader', kind: 'key' }]);
    expect((await openBank(places, { key })).info).toEqual({
      ...bank.info,
      openedBy: [bank.info.slots[0]?.id],
    });
  });

  it('writes bank.json to bank and register, with one id', async () => {
    const places = memoryPlaces();

    await aBank({}, places);

    const [inBank, inRegister] = await Promise.all([
      places.bank.get('bank.json'),
      places.register.get('bank.json'),
    ]);
    expect(inRegister).toEqual(inBank);
    expect(JSON.parse(Buffer.from(inBank).toString())).toMatchObject({
      format: 'snapbank bank',
      sealed: true,
    });
  });

  it('puts no key in the clear into a sealed bank', async () => {
    const places = memoryPlaces();
    const bank = await aBank({}, places);

    const secrets = [
      bank.keys.secrets.idKey,
      ...bank.keys.secrets.epochs.map(({ metadataKey }) => metadataKey),
    ];

    for (const store of [places.bank, places.register]) {
      for (const key of await keysOf(store, '')) {
        const stored = Buffer.from(await store.get(key)).toString('latin1');
        for (const secret of secrets) {
          expect(stored).not.toContain(secret.export().toString('base64url'));
          expect(stored).not.toContain(secret.export().toString('latin1'));
        }
      }
    }
  });

  it('makes an unsealed bank, which is opened without a key', async () => {
    const places = memoryPlaces();

    const bank = await aBank({ access: 'unsealed' }, places);

    expect(bank.info).toMatchObject({ sealed: false, access: 'reader', slots: [] });
    expect((await openBank(places)).info).toEqual(bank.info);
  });

  it('refuses where a bank is, and leaves it alone', async () => {
    const key = newSecretKey();
    const places = memoryPlaces();
    await aBank({ access: [readerOf(key)] }, places);

    await expect(aBank({}, places)).rejects.toThrow(BankExists);
    await expect(aBank({}, { ...memoryPlaces(), register: places.register })).rejects.toThrow(
      BankExists,
    );

    await expect(openBank(places, { key })).resolves.toBeDefined();
  });

  it('lets one of two concurrent calls win, whose key then opens the bank', async () => {
    const places = memoryPlaces();
    const keys = [newSecretKey(), newSecretKey()];

    const results = await Promise.allSettled(
      keys.map((key) => aBank({ access: [readerOf(key)] }, places)),
    );

    const winner = keys.find((_, n) => results[n]?.status === 'fulfilled');
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: expect.any(BankExists),
    });
    await expect(openBank(places, winner && { key: winner })).resolves.toBeDefined();
  });

  it('leaves no bank behind when the bank place refuses at the last step', async () => {
    const places = memoryPlaces();
    const refusing = {
      ...places.bank,
      put: (key: string, body: Uint8Array) =>
        key === 'bank.json'
          ? Promise.reject(new StoreRefused('disk full'))
          : places.bank.put(key, body),
    };

    await expect(aBank({}, { ...places, bank: refusing })).rejects.toThrow(StoreRefused);

    expect(await places.register.size('bank.json')).toBeUndefined();
    await expect(aBank({}, places)).resolves.toBeDefined();
  });

  it('knows its own bank.json where something in between sent the request two times', async () => {
    const places = memoryPlaces();
    const register = {
      ...places.register,
      async putIfAbsent(key: string, body: Uint8Array) {
        const created = await places.register.putIfAbsent(key, body);
        return key.startsWith('probe/') ? created : await places.register.putIfAbsent(key, body);
      },
    };

    await expect(aBank({}, { ...places, register })).resolves.toBeDefined();
  });

  it('refuses a register that lets two writers win', async () => {
    const places = memoryPlaces();
    const register = {
      ...places.register,
      async putIfAbsent(key: string, body: Uint8Array) {
        await places.register.put(key, body);
        return true;
      },
    };

    await expect(aBank({}, { ...places, register })).rejects.toThrow(PutIfAbsentNotProven);

    expect(await places.bank.size('bank.json')).toBeUndefined();
  });

  it('refuses a bank that nobody could restore from, and sizes that cannot be', async () => {
    const writer = { ...readerOf(newSecretKey()), role: 'writer' as const };

    await expect(aBank({ access: [writer] })).rejects.toThrow(InvalidInput);
    await expect(aBank({ access: [] })).rejects.toThrow(InvalidInput);
    await expect(aBank({ chunkSizeBytes: 5000 })).rejects.toThrow(InvalidInput);
    await expect(aBank({ chunkSizeBytes: 2 ** 30 })).rejects.toThrow(InvalidInput);
    await expect(aBank({ chunksPerSegment: 3 })).rejects.toThrow(InvalidInput);
  });
});
