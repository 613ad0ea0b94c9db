import { describe, expect, it } from 'vitest';
import { KeyMissing, KeyRingChanged, WrongKey } from '../../../../lib/bank/errors.ts';
import { addAccess, removeAccess } from '../../../../lib/bank/keys/access.ts';
import { newSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { openBank } from '../../../../lib/bank/open-bank.ts';
import { readRoot } from '../../../../lib/bank/roots.ts';
import { StoreUnavailable, WriteOutcomeUnknown } from '../../../../lib/bank/store/errors.ts';
import { InvalidInput } from '../../../../lib/errors.ts';
import { aBank, backUp, memoryPlaces, QUICK_SCRYPT, readerOf, SEGMENT } from '../a-bank.ts';
import { restoredDisk } from '../read/restored.ts';
import { text } from '../random.ts';

const key = newSecretKey();
const access = [readerOf(key)];

describe('access to a bank', () => {
  it('is given to another key by its public half, and to a passphrase', async () => {
    const places = memoryPlaces();
    const other = newSecretKey();
    const passphrase = 'correct horse';
    const bank = await aBank({ access }, places);

    const more = await addAccess(bank, { ...readerOf(other), label: 'deputy' });
    await addAccess(more, { label: 'safe', role: 'reader', passphrase, scryptCost: QUICK_SCRYPT });

    for (const credentials of [{ key }, { key: other }, { passphrase }]) {
      const opened = await openBank(places, credentials);
      expect(opened.info.access).toBe('reader');
      expect(opened.info.keyRingGeneration).toBe(3);
      expect(opened.info.slots.map(({ label }) => label)).toEqual(['operator', 'deputy', 'safe']);
    }
  });

  it('of a backup machine lets it write and not read', async () => {
    const places = memoryPlaces();
    const machine = newSecretKey();
    const disk = text(SEGMENT);
    const bank = await aBank({ access }, places);
    await addAccess(bank, { label: 'machine', role: 'writer', publicKey: machine.publicKey });

    const writer = await openBank(places, { key: machine });
    const { root, ref } = await backUp(writer, disk);

    expect((await readRoot(writer, ref)).description).toEqual({ server: { name: 'web' } });
    await expect(restoredDisk(writer, root)).rejects.toThrow(KeyMissing);
    expect(await restoredDisk(await openBank(places, { key }), root)).toEqual(disk);
  });

  it('ends for what is backed up after it was taken away, and only for that', async () => {
    const places = memoryPlaces();
    const leaver = newSecretKey();
    const passphrase = 'correct horse';
    const before = text(SEGMENT, 1);
    const after = text(SEGMENT, 2);
    const bank = await aBank(
      {
        access: [
          ...access,
          { ...readerOf(leaver), label: 'leaver' },
          { label: 'safe', role: 'reader', passphrase, scryptCost: QUICK_SCRYPT },
        ],
      },
      places,
    );
    const old = await backUp(bank, before);
    const kept = await openBank(places, { key: leaver });
    const slot = bank.info.slots.find(({ label }) => label === 'leaver')?.id ?? '';

    const next = await removeAccess(bank, slot);
    const fresh = await backUp(next, after);

    await expect(openBank(places, { key: leaver })).rejects.toThrow(WrongKey);
    expect(await restoredDisk(kept, old.root)).toEqual(before);
    await expect(readRoot(kept, fresh.ref)).rejects.toThrow(KeyMissing);
    await expect(restoredDisk(kept, fresh.root)).rejects.toThrow(KeyMissing);
    for (const credentials of [{ key }, { passphrase }]) {
      const opened = await openBank(places, credentials);
      expect(await restoredDisk(opened, await readRoot(opened, old.ref))).toEqual(before);
      expect(await restoredDisk(opened, await readRoot(opened, fresh.ref))).toEqual(after);
    }
  });

  it('is not taken from the last reader, nor from a slot that is not there', async () => {
    const machine = newSecretKey();
    const bank = await aBank({ access: [...access, { ...readerOf(machine), role: 'writer' }] });

    await expect(removeAccess(bank, bank.info.slots[0]?.id ?? '')).rejects.toThrow(InvalidInput);
    await expect(removeAccess(bank, 'ffffffff')).rejects.toThrow(InvalidInput);
  });

  it('is changed by readers only, and not in an unsealed bank', async () => {
    const places = memoryPlaces();
    const machine = newSecretKey();
    await aBank({ access: [...access, { ...readerOf(machine), role: 'writer' }] }, places);
    const writer = await openBank(places, { key: machine });

    await expect(addAccess(writer, readerOf(machine))).rejects.toThrow(KeyMissing);
    await expect(addAccess(await aBank({ access: 'unsealed' }), readerOf(key))).rejects.toThrow(
      InvalidInput,
    );
  });

  it('is changed by one of two at the same time', async () => {
    const places = memoryPlaces();
    const bank = await aBank({ access }, places);

    const results = await Promise.allSettled([
      addAccess(bank, { ...readerOf(newSecretKey()), label: 'one' }),
      addAccess(bank, { ...readerOf(newSecretKey()), label: 'two' }),
    ]);

    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: expect.any(KeyRingChanged),
    });
    await expect(addAccess(bank, readerOf(newSecretKey()))).rejects.toThrow(KeyRingChanged);
  });

  it('is changed although the answer of the register was lost', async () => {
    const places = memoryPlaces();
    const bank = await aBank({ access }, places);
    const register = {
      ...places.register,
      async putIfAbsent(name: string, body: Uint8Array): Promise<boolean> {
        await places.register.putIfAbsent(name, body);
        throw new WriteOutcomeUnknown('lost');
      },
    };

    const more = await addAccess(
      { ...bank, places: { ...places, register } },
      readerOf(newSecretKey()),
    );

    expect(more.info.keyRingGeneration).toBe(2);
    expect((await openBank(places, { key })).info.slots).toHaveLength(2);
  });

  it('works from the register’s key ring when the copy in the bank did not come about', async () => {
    const places = memoryPlaces();
    const bank = await aBank({ access }, places);
    const other = newSecretKey();
    const failing = { ...places.bank, put: () => Promise.reject(new StoreUnavailable('down')) };

    await expect(
      addAccess({ ...bank, places: { ...places, bank: failing } }, readerOf(other)),
    ).rejects.toThrow(StoreUnavailable);

    expect((await openBank(places, { key: other })).info.keyRingGeneration).toBe(2);
  });
});
