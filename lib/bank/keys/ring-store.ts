import { createObject } from '../create-object.ts';
import { ObjectDamaged } from '../errors.ts';
import { keyRingKey, keyRingPrefix } from '../object-keys.ts';
import type { BankPlaces } from '../places.ts';
import type { CallOptions, ObjectStore, PutOptions } from '../store/object-store.ts';
import { parseKeyRing, type StoredKeyRing } from './key-ring.ts';

const GENERATION = /\/\d{10}$/;

/**
 * The newest key ring: the highest generation in either place. It is decided in the register, and lies in the bank too, so that
 * a bank can be read when nothing else is left of it. Undefined when there is none.
 */
export async function readKeyRing(
  places: Pick<BankPlaces, 'bank' | 'register'>,
  bankId: string,
  options: CallOptions = {},
): Promise<StoredKeyRing | undefined> {
  const [inBank, inRegister] = await Promise.all([
    newest(places.bank, bankId, options),
    newest(places.register, bankId, options),
  ]);
  const key = inRegister >= inBank ? inRegister : inBank;
  if (key === '') return undefined;
  const store = key === inRegister ? places.register : places.bank;
  const stored = parseKeyRing(key, await store.get(key, options));
  if (
    keyRingKey(stored.ring.bankId, stored.ring.generation) !== key ||
    stored.ring.bankId !== bankId
  ) {
    throw new ObjectDamaged(
      `The key ring ${key} in ${store.location} was moved there from elsewhere.`,
    );
  }
  return stored;
}

/** Writes a generation: `false` when it exists already, which a concurrent change wrote. */
export async function writeKeyRing(
  places: Pick<BankPlaces, 'bank' | 'register'>,
  { bankId, generation }: { bankId: string; generation: number },
  bytes: Uint8Array,
  options?: PutOptions,
): Promise<boolean> {
  const key = keyRingKey(bankId, generation);
  if (!(await createObject(places.register, key, bytes, options))) return false;
  await places.bank.put(key, bytes, options);
  return true;
}

async function newest(store: ObjectStore, bankId: string, options: CallOptions): Promise<string> {
  let key = '';
  for await (const object of store.list(keyRingPrefix(bankId), options)) {
    if (GENERATION.test(object.key)) ({ key } = object);
  }
  return key;
}
