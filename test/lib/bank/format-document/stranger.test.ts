import { describe, expect, it } from 'vitest';
import type { Bank } from '../../../../lib/bank/bank.ts';
import { removeAccess } from '../../../../lib/bank/keys/access.ts';
import { newSecretKey } from '../../../../lib/bank/keys/key-text.ts';
import { rawPrivateKey } from '../../../../lib/bank/keys/x25519.ts';
import { aBank, backUp, CHUNK, memoryPlaces, QUICK_SCRYPT, readerOf, SEGMENT } from '../a-bank.ts';
import { noise, text } from '../random.ts';
import { keysOf } from '../tamper.ts';
import { type Holder, type Objects, openBank, readDisk } from './stranger.ts';

async function objectsOf({ places }: Bank): Promise<Objects> {
  const keys = await keysOf(places.bank, '');
  const bytes = await Promise.all(keys.map((key) => places.bank.get(key)));
  return new Map(keys.map((key, n) => [key, bytes[n] ?? new Uint8Array()]));
}

const first = Buffer.concat([text(2 * CHUNK), Buffer.alloc(SEGMENT), noise(SEGMENT), noise(99, 2)]);
const second = Buffer.from(first);
second.set(noise(500, 3), CHUNK + 77);

async function readBoth(bank: Bank, holder?: Holder) {
  const parent = await backUp(bank, first, { packSizeBytes: 14_000 });
  const next = await backUp(bank, second, { parent });
  const objects = await objectsOf(bank);
  const keys = openBank(objects, holder);
  expect(Buffer.compare(readDisk(keys, objects, parent.ref), first)).toBe(0);
  expect(Buffer.compare(readDisk(keys, objects, next.ref), second)).toBe(0);
}

describe('a reader that knows only the document', () => {
  it('reads a sealed bank with a key', async () => {
    const key = newSecretKey();

    await readBoth(await aBank({ access: [readerOf(key)] }), {
      privateKey: rawPrivateKey(key.privateKey),
    });
  });

  it('reads a sealed bank with a passphrase', async () => {
    const passphrase = 'correct horse';
    const access = [{ label: '', role: 'reader', passphrase, scryptCost: QUICK_SCRYPT }] as const;

    await readBoth(await aBank({ access }), { passphrase });
  });

  it('reads an unsealed bank', async () => {
    await readBoth(await aBank({ access: 'unsealed' }));
  });

  it('reads what was written in two epochs', async () => {
    const key = newSecretKey();
    const places = memoryPlaces();
    const bank = await aBank(
      { access: [{ ...readerOf(newSecretKey()), label: 'leaver' }, readerOf(key)] },
      places,
    );
    const parent = await backUp(bank, first);
    const leaver = bank.info.slots.find(({ label }) => label === 'leaver');

    const later = await removeAccess(bank, leaver?.id ?? '');
    const next = await backUp(later, second, { parent });

    const objects = await objectsOf(bank);
    const keys = openBank(objects, { privateKey: rawPrivateKey(key.privateKey) });
    expect(keys.epochs).toHaveLength(2);
    expect(Buffer.compare(readDisk(keys, objects, parent.ref), first)).toBe(0);
    expect(Buffer.compare(readDisk(keys, objects, next.ref), second)).toBe(0);
  });
});
