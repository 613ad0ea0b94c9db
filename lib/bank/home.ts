import { type KeyObject, randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Bank } from './bank.ts';
import { BankIsCopy, ObjectDamaged } from './errors.ts';
import { FORMAT_VERSION } from './format-version.ts';
import { HOME_KEY } from './object-keys.ts';
import type { BankPlaces } from './places.ts';
import { decodeSigned, encodeSigned } from './register/signed-json.ts';
import { readOnlyStore } from './store/read-only-store.ts';

/** Where a bank and its register lie that belong together. A copy holds the same note, and lies elsewhere: by that it is known. */
export const HomeNote = z.strictObject({
  format: z.literal('snapbank home'),
  version: z.literal(FORMAT_VERSION),
  /** 32 hex digits: of this pair of places alone. What a backup makes in a cloud carries it, and no copy takes it for its own. */
  homeId: z.string().regex(/^[0-9a-f]{32}$/),
  bank: z.string(),
  register: z.string(),
  notedAt: z.iso.datetime(),
});
export type HomeNote = z.infer<typeof HomeNote>;

/** Of a pair of places that never was one before. */
export function newHomeId(): string {
  return randomBytes(16).toString('hex');
}

/** Notes that bank and register, as they are opened here, belong together. */
export async function noteHome(
  { bank, register }: BankPlaces,
  nameKey: KeyObject,
  { homeId, now }: { homeId: string; now: number },
): Promise<void> {
  const note: HomeNote = {
    format: 'snapbank home',
    version: FORMAT_VERSION,
    homeId,
    bank: bank.location,
    register: register.location,
    notedAt: new Date(now).toISOString(),
  };
  await register.put(HOME_KEY, encodeSigned(nameKey, HOME_KEY, note));
}

/**
 * The bank as its register's note, the bytes at `HOME_KEY`, lets it be used: a copy is read, and left as it is. A register that was made by
 * a snapbank without such notes has none. Throws `ObjectDamaged`.
 */
export function atHome(opened: Bank, bytes: Uint8Array | undefined): Bank {
  const { places, info, keys } = opened;
  if (bytes === undefined) return opened;
  const home = decode(bytes, keys.nameKey, places.register.location);
  const { homeId } = home;
  const isHere = home.bank === places.bank.location && home.register === places.register.location;
  if (isHere) return { places, info: { ...info, homeId, home }, keys };
  const refusal = () => refusalOf(places, home);
  return {
    places: {
      bank: readOnlyStore(places.bank, refusal),
      register: readOnlyStore(places.register, refusal),
      work: places.work,
    },
    info: { ...info, homeId, home, isCopy: true },
    keys,
  };
}

/** Throws `BankIsCopy` where the bank may only be read because it is a copy. */
export function requireHome({ places, info }: Bank): void {
  if (info.isCopy && info.home !== undefined) throw refusalOf(places, info.home);
}

function refusalOf({ bank, register }: BankPlaces, home: HomeNote): BankIsCopy {
  return new BankIsCopy(
    `Opened is bank ${bank.location} with register ${register.location}; by its note the register is ${home.register}, of bank ${home.bank}. It can be read, not written: two that are written as one lose data.`,
    { identifiers: { bank: bank.location, register: register.location } },
  );
}

function decode(bytes: Uint8Array, nameKey: KeyObject, location: string): HomeNote {
  try {
    return HomeNote.parse(decodeSigned(nameKey, HOME_KEY, bytes));
  } catch (error) {
    throw new ObjectDamaged(`${HOME_KEY} of the register at ${location} is not what was written.`, {
      cause: error,
    });
  }
}
