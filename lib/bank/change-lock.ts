import { InvalidInput } from '../errors.ts';
import type { Bank } from './bank.ts';
import { type BankFile, encodeBankFile, fitsBankFile, readBankFile } from './bank-file.ts';
import { ObjectDamaged } from './errors.ts';
import { BankLock } from './lock.ts';
import { BANK_FILE_KEY } from './object-keys.ts';
import { requireReader } from './open-bank.ts';
import { putLocked } from './put-locked.ts';
import type { CallOptions } from './store/object-store.ts';

/**
 * Changes for how many days a locked bank keeps locked what its backups refer to; returns how it is locked then. No lock there is becomes
 * shorter; the next backup of a server extends all that it refers to. Safe to repeat: it is the bank's own bank.json that counts, and it
 * is written last. Throws `KeyMissing` for a write-only key, and `InvalidInput` for a bank that is not locked, and for fewer days without `force`.
 */
export async function changeLockDays(
  bank: Bank,
  days: number,
  { force = false, ...options }: CallOptions & { force?: boolean } = {},
): Promise<BankLock> {
  requireReader(bank);
  const { places, keys, info } = bank;
  const { location } = places.bank;
  const file = await currentFile(bank, options);
  if (file.lock === undefined) {
    throw new InvalidInput(
      `The bank at ${location} is not locked, and a bank is locked from its beginning or never. Make one with snapbank bank init --lock, in a bucket with Object Lock, and back up into that.`,
      { identifiers: { location, bankId: info.bankId } },
    );
  }
  const lock = { ...file.lock, days };
  if (!BankLock.safeParse(lock).success) {
    throw new InvalidInput(`A bank is locked for 1 to 36,500 days, not for ${days}.`);
  }
  if (days < file.lock.days && !force) {
    throw new InvalidInput(
      `The bank at ${location} is locked for ${file.lock.days} days. For ${days} what is backed up from now on would be protected for less time than now; what is locked stays so. If that is meant, say --force.`,
      { identifiers: { location } },
    );
  }
  const bytes = encodeBankFile({ ...file, lock }, keys.secrets.idKey);
  await places.register.put(BANK_FILE_KEY, bytes, options);
  await putLocked(places.bank, BANK_FILE_KEY, bytes, lock);
  return lock;
}

/** As it lies there now, and was written by whoever has the id key. */
async function currentFile({ places, keys }: Bank, options: CallOptions): Promise<BankFile> {
  const file = await readBankFile(places.bank, options);
  if (file !== undefined && fitsBankFile(file, keys.secrets.idKey)) return file;
  throw new ObjectDamaged(`bank.json of ${places.bank.location} is not what was written.`, {
    identifiers: { location: places.bank.location },
  });
}
